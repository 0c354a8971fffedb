"""Servers that are stopped when the test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.imaging.servers import LabelStudio, Server


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
