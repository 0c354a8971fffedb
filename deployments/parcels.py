"""Large data: URLs sent by name: the text stays in the object store until somebody has to read the image.

A click carries its image along every time, and mostly the embedding is already where the click goes.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import ray

from values.image import ImageSource

LARGE = 256 * 1024
"""Characters of a value from which on it is not sent along."""

Parcel = list[Any]
"""The reference to a value, or nothing. In a list: Ray would replace a bare one by what it refers to."""


async def post(source: ImageSource) -> tuple[ImageSource, Parcel]:
    """The source without its value if that is large, and the parcel that has it."""
    if len(source.value) <= LARGE:
        return source, []
    return replace(source, value=""), [await asyncio.to_thread(ray.put, source.value)]


def unpack(source: ImageSource, *values: str) -> ImageSource:
    """The whole source; ``values`` are what Ray put in place of the references in its parcel."""
    return replace(source, value=values[0]) if values else source
