from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.annotated import LABEL_CONFIG
from tests.serve_app.cli.export.desk import Desk
from tests.serve_app.cli.fake_label_studio import FakeLabelStudio


@pytest.fixture
def desk(fake: FakeLabelStudio, tmp_path: Path) -> Iterator[Desk]:
    """A Label Studio with a project of every kind of region, and a folder to export to."""
    fake.add_project("Animals", LABEL_CONFIG)
    with fake.serve() as url:
        yield Desk(fake, url, tmp_path / "out")
