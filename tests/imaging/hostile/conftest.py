"""The internet on loopback, and a reader in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpcore
import pytest
import pytest_asyncio

from imaging.options import ImageOptions
from imaging.reader import ImageReader
from tests.imaging.hostile.world import World, world

Make = Callable[..., ImageReader]


@pytest_asyncio.fixture
async def net() -> AsyncIterator[World]:
    async with world() as running:
        yield running


@pytest_asyncio.fixture
async def make(net: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    """A reader with the default options but for those given."""
    monkeypatch.setattr(httpcore, "AnyIOBackend", lambda: net.wires)
    made: list[ImageReader] = []

    def build(**options: Any) -> ImageReader:
        made.append(ImageReader(ImageOptions.model_validate(options), resolver=net.resolver))
        return made[-1]

    yield build
    for reader in made:
        await reader.aclose()
