"""What writers that were killed left in a folder: files that are not whole, which nobody will ever read."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from concurrency.abandonable import run_abandonable
from embeddings.durable_location import is_object_name

_LEFTOVER_S = 86_400
# What obstore calls a file while it writes it.
_UNFINISHED = re.compile(r"(.+\.safetensors)#\d+")

GoOn = Callable[[], Awaitable[None]]
"""Called often while a place is swept. Raises what ends the sweep."""


async def always() -> None:
    """Nothing ends it."""


async def clear_leftovers(folder: Path, now: float, go_on: GoOn = always) -> int:
    """Remove what writers that were killed left in a folder a day ago or longer; how many files.

    In buckets there is nothing of the kind: an object is there as a whole or not at all. Raises OSError, and
    what ``go_on`` raises.
    """
    cleared = 0
    for prefix in await run_abandonable(lambda: list(folder.glob("*/??")), "looking for leftovers"):
        cleared += await _cleared(folder, prefix, now)
        await go_on()
    return cleared


async def _cleared(folder: Path, prefix: Path, now: float) -> int:
    return await run_abandonable(
        lambda: sum(_is_cleared(path, now) for path in _unfinished(folder, prefix)), "clearing leftovers"
    )


def _unfinished(folder: Path, prefix: Path) -> Iterator[Path]:
    for path in prefix.glob("*.safetensors#*"):
        named = _UNFINISHED.fullmatch(path.relative_to(folder).as_posix())
        if named is not None and is_object_name(named[1]):
            yield path


def _is_cleared(path: Path, now: float) -> bool:
    try:
        if now - path.stat().st_mtime < _LEFTOVER_S:
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True
