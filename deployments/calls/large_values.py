"""What is large is sent by name: it stays in the object store until somebody has to read it.

A click carries its image along every time, and mostly the embedding is already where the click goes. Pixels
go from the fetcher to the encoder, past the decoder that asked for them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import ObjectLostError

from concurrency.threads import Threads
from values.image import ImageSource

LARGE = 256 * 1024
"""Characters of a value from which on it is not sent along."""

Reference = list[Any]
"""The reference to a value, or nothing. In a list: Ray would replace a bare one by what it refers to."""

# Putting copies the value, and waits for room: a store that is full moves something to disk, or refuses.
_PUTTING = Threads(4, "put")


class ReferenceLost(Exception):
    """What was sent by name is gone, together with the process that had packed it: pack it again."""


async def post(source: ImageSource) -> tuple[ImageSource, Reference]:
    """The source without its value if that is large, and the reference to it."""
    if len(source.value) <= LARGE:
        return source, []
    return replace(source, value=""), await packed(source.value)


async def packed(value: Any) -> Reference:
    """A reference to a value, which lives as long as this process and anybody who holds the reference."""
    return [await _PUTTING.run(ray.put, value)]


async def unpacked(reference: Reference) -> Any:
    """The value that is referred to. Raises ReferenceLost."""
    try:
        return await reference[0]
    except ObjectLostError:
        raise ReferenceLost from None


def unpack(source: ImageSource, *values: str) -> ImageSource:
    """The whole source; ``values`` are what Ray put in place of the reference."""
    return replace(source, value=values[0]) if values else source
