"""Clicks on images whose hosts send a byte a second or nothing, and opened tasks with lists of them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator

from benchmarks.hostile.attack import Attack, Begin
from benchmarks.hostile.clicker import clicking, opening
from benchmarks.hostile.hosts import Answer, dripping, hosts, silent

LISTED = 100


def clicked(count: int, answer: Answer, places: int, *, project: str) -> Begin:
    """``count`` people, each of whom clicks on the next image as soon as the last one is answered. The images
    are on ``places`` hosts in turn."""

    @contextlib.asynccontextmanager
    async def begin(url: str) -> AsyncIterator[None]:
        async with hosts(places, answer) as found, clicking(url, _images(found), count, project):
            yield

    return begin


def opened(answer: Answer) -> Begin:
    """A person who opens a task each second, with a list of such images on one host."""

    @contextlib.asynccontextmanager
    async def begin(url: str) -> AsyncIterator[None]:
        async with hosts(1, answer) as found, opening(url, _images(found), LISTED):
            yield

    return begin


def _images(found: list[str]) -> Iterator[str]:
    """A new image each time."""
    for number, host in enumerate(itertools.cycle(found)):
        yield f"{host}/{number}.jpg"


# The honest annotators' project is 1; others are of another, or of the same.
_OTHER, _SAME = "66.1", "1.17"

ATTACKS = tuple(
    Attack("stalled", name, begin)
    for name, begin in (
        ("8 dripping, one host", clicked(8, dripping, 1, project=_OTHER)),
        ("64 dripping, one host", clicked(64, dripping, 1, project=_OTHER)),
        ("128 silent, one host", clicked(128, silent, 1, project=_SAME)),
        ("8 dripping, 8 hosts", clicked(8, dripping, 8, project=_SAME)),
        ("64 silent, 64 hosts", clicked(64, silent, 64, project=_OTHER)),
        ("128 dripping, 128 hosts", clicked(128, dripping, 128, project=_SAME)),
        (f"opened tasks of {LISTED} dripping", opened(dripping)),
    )
)
