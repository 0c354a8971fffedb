"""Servers that are stopped when the test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from net.sockets import CheckedBackend
from tests.imaging.servers import LabelStudio, Server


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between two tries, in seconds, which last no time here."""
    taken: list[float] = []

    async def sleep(self: CheckedBackend, seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(CheckedBackend, "sleep", sleep)
    return taken


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with Server() as running:
        yield running


@pytest_asyncio.fixture
async def other() -> AsyncIterator[Server]:
    async with Server() as running:
        yield running


@pytest_asyncio.fixture
async def label_studio() -> AsyncIterator[LabelStudio]:
    """As Label Studio is shipped: legacy tokens disabled."""
    async with LabelStudio() as running:
        yield running
