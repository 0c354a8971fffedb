"""What became of hostile files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from values.errors import ImageError
from values.image import Pixels


@dataclass(frozen=True)
class End:
    """With what reading ended. ``said``: an error's sentence. ``size``: of the image, width and height.

    ``side``: the longer one of the pixels, which are not kept: they would count as what reading costs.
    """

    kind: type[ImageError | Pixels]
    said: str = ""
    size: tuple[int, int] = (0, 0)
    side: int = 0

    @classmethod
    def of(cls, end: ImageError | Pixels) -> Self:
        """What is to be known of it."""
        if isinstance(end, Pixels):
            return cls(Pixels, "", (end.width, end.height), max(end.rgb.shape))
        return cls(type(end), end.detail)


@dataclass(frozen=True)
class Reading:
    """``end``: of the file. ``good``: of a good image read after it.

    ``risen``: by how many MiB the reading process's mark had risen by then. ``below``: the peak, in MiB, of a
    process below it meanwhile.
    """

    end: End
    good: End
    risen: float
    below: float


@dataclass(frozen=True)
class Readings:
    """``files``: by name, read by one process whose mark rose by ``risen`` MiB in all."""

    files: dict[str, Reading]
    risen: float
