from __future__ import annotations

import pytest
from tenacity import wait_none

from tests.serve_app.cli.preannotate.desk import Desk
from tests.serve_app.cli.precompute.bench import Bench


@pytest.fixture
def desk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("label_studio.tasks.BACK_OFF", wait_none())
    return Desk(bench)
