"""What one hostile file is, and with what reading it may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from testing.image_files import encoded, quarters
from values.errors import ImageCorrupt, ImageError, ImageTimeout, ImageTooLarge, NotAnImage
from values.image import Pixels

Ends = tuple[type[ImageError | Pixels], ...]

EITHER: Ends = (ImageError, Pixels)
READS: Ends = (Pixels,)
NEVER: Ends = (NotAnImage,)
BROKEN: Ends = (ImageCorrupt,)
LARGE: Ends = (ImageTooLarge,)
SLOW: Ends = (ImageTimeout, ImageCorrupt, ImageTooLarge, Pixels)


@dataclass(frozen=True)
class File:
    """One hostile file: how it is made, and with what its reading may end. ``slow`` ones get less time."""

    name: str
    make: Callable[[], bytes]
    ends: Ends = EITHER
    slow: bool = False


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    return encoded(quarters().convert(mode), kind, **options)


def jpeg_with(*segments: bytes) -> bytes:
    whole = saved("JPEG")
    return whole[:2] + b"".join(segments) + whole[2:]
