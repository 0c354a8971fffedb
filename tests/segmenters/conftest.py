"""What the tests of several models share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models(run_folder: Path) -> Path:
    """A models folder: checkpoints of stand-in weights, and what was exported from them so far."""
    folder = run_folder / "models"
    folder.mkdir(exist_ok=True)
    return folder
