"""What tests of deployments share: an ingress for each test of one of its parts, and a replica's log."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.deployments.ingress_door import Door


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door()
    async with door.client:
        yield door


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """Serve's logger as a replica has it that logs to files only."""
    logger = logging.getLogger("ray.serve")
    monkeypatch.setattr(logger, "handlers", [])
    level = logger.level
    logger.setLevel(logging.INFO)
    yield logger
    logger.setLevel(level)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a replica prints where it was started."""
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", stderr)
    return stderr
