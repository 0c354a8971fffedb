"""Models at work, loaded once for all tests of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from segmenters.sam.execution import Execution
from tests.segmenters.sam.working import AtWork, Load, at_work


@pytest.fixture(scope="session")
def load(models: Path) -> Load:
    @cache
    def load(name: str, execution: Execution) -> AtWork:
        return at_work(name, execution, models)

    return load
