"""Clicks on small files that take as long to decode as is allowed."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator

from benchmarks.hostile.attack import Attack, Begin
from benchmarks.hostile.clicker import clicking
from benchmarks.hostile.hosts import hosts, sending
from testing.crafted_files import progressive

SIDE, SCANS = 5000, 3000
"""A JPEG of 300 KB and 25 megapixels, just below the size at which images are decoded one at a time. Its
decoder walks over all blocks for each scan."""


def clicked(count: int) -> Begin:
    """``count`` people, each of whom clicks on one such file after another."""

    @contextlib.asynccontextmanager
    async def begin(url: str) -> AsyncIterator[None]:
        content = progressive(SIDE, SIDE, SCANS)
        async with hosts(1, sending(content)) as [host]:
            images = (f"{host}/{number}.jpg" for number in itertools.count())
            async with clicking(url, images, count, project="66.1"):
                yield

    return begin


ATTACKS = (Attack("slow_files", "8 JPEGs of 3000 scans", clicked(8)),)
