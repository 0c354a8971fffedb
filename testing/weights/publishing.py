"""Stand-in checkpoints in place of the published ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from segmenters.checkpoints.digest import sha256_of
from segmenters.model import Published
from segmenters.models import PUBLISHED


def publish(monkeypatch: pytest.MonkeyPatch, model: str, path: Path) -> None:
    """Make ``path`` the published checkpoint of ``model``, until the test ends."""
    entry = replace(PUBLISHED[model], sha256=sha256_of(path), size=path.stat().st_size)
    monkeypatch.setitem(cast(dict[str, Published], PUBLISHED), model, entry)
