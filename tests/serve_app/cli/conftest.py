from __future__ import annotations

from collections.abc import Iterator

import pytest
from tenacity import wait_none

from serve_app.cli import backend_client
from tests.serve_app.cli.fake_backend import FakeBackend
from tests.serve_app.cli.fake_label_studio import FakeLabelStudio
from tests.serve_app.cli.precompute.bench import CONFIG, Bench


@pytest.fixture
def fake() -> FakeLabelStudio:
    return FakeLabelStudio()


@pytest.fixture
def bench(fake: FakeLabelStudio, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(backend_client, "BACK_OFF", wait_none())
    backend = FakeBackend("/sam")
    fake.add_project("Cats", CONFIG)
    with fake.serve() as studio_at, backend.serve() as at:
        yield Bench(backend, fake, at, studio_at)
