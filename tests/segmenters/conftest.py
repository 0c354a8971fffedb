"""What the tests of several models share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder: checkpoints of stand-in weights, and what was exported from them so far."""
    return tmp_path_factory.mktemp("models")
