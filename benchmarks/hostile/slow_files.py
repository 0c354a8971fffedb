"""Clicks on small files that take all the time there is to decode."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator

from benchmarks.hostile.attack import Attack, Begin
from benchmarks.hostile.clicker import clicking
from benchmarks.hostile.hosts import hosts, sending
from tests.imaging.hostile.crafted import progressive

SIDE, SCANS = 8000, 1000
"""A JPEG of 100 KB and 64 megapixels; each scan is a walk over all of its blocks."""


def clicked(count: int) -> Begin:
    """``count`` people, each of whom clicks on one such file after the other."""

    @contextlib.asynccontextmanager
    async def begin(url: str) -> AsyncIterator[None]:
        content = progressive(SIDE, SIDE, SCANS)
        async with hosts(1, sending(content)) as [host]:
            images = (f"{host}/{number}.jpg" for number in itertools.count())
            async with clicking(url, images, count, project="66.1"):
                yield

    return begin


ATTACKS = (Attack("slow_files", "8 JPEGs of 1000 scans", clicked(8)),)
