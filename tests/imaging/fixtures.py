"""Servers of images that are stopped when the test ends, for the tests of each folder that asks them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.imaging.servers import LabelStudio, Server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between two tries, in seconds, which last no time here."""
    from net.sockets import CheckedBackend  # here, because every test run loads this module

    taken: list[float] = []

    async def sleep(self: CheckedBackend, seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(CheckedBackend, "sleep", sleep)
    return taken


@pytest_asyncio.fixture
async def server(pauses: list[float]) -> AsyncIterator[Server]:
    async with Server() as running:
        yield running


@pytest_asyncio.fixture
async def other(pauses: list[float]) -> AsyncIterator[Server]:
    async with Server() as running:
        yield running


@pytest_asyncio.fixture
async def label_studio(pauses: list[float]) -> AsyncIterator[LabelStudio]:
    """As Label Studio is shipped: legacy tokens disabled."""
    async with LabelStudio() as running:
        yield running
