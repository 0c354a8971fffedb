"""Where an image is, the size a model wants it in, and its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ImageSource:
    """One image as a Label Studio task names it.

    ``value`` is the string found in ``task["data"]``: an upload path, a local-files path, a URL, a data: URL.
    ``project`` is Label Studio's project id and part of the image's identity: who may see the image.
    ``task`` is the task id, for error sentences. ``login`` and ``password`` are the project's task-data
    credentials, ``token`` is what Label Studio sent with this project's ``/setup``, if that is wanted. None
    of the three is ever shown by ``repr``.
    """

    value: str = field(repr=False)
    project: str = ""
    task: int | None = None
    login: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ModelSize:
    """The size in which a segmenter's encoder takes an image.

    ``side`` in pixels. ``keep_aspect``: the long side becomes ``side`` (SAM); otherwise the image is squashed
    to ``side`` x ``side`` (SAM 2). Images that are already smaller are enlarged only if ``enlarge``.
    ``fractions``: resized pixels are not rounded to whole levels, as SAM 2's own pre-processing does not.
    """

    side: int
    keep_aspect: bool = True
    enlarge: bool = True
    fractions: bool = False

    def scaled(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) at model size of an image of ``width`` x ``height``, rounded as SAM rounds."""
        if not self.keep_aspect:
            return self.side, self.side
        scale = self.side / max(width, height)
        if scale > 1 and not self.enlarge:
            return width, height
        return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """An image at model size.

    ``rgb``: HWC, RGB, 0..255, at the size ``ModelSize`` asks for, EXIF orientation applied: uint8, or
    float32 where it asks for fractions.
    ``width``, ``height``: the natural size in pixels as a browser shows it (after EXIF orientation).
    ``evidence``: a hash, at most 100 printable characters and no secret, that changes when the image is
    replaced at its place (its ETag, its time and size), "" where the place tells nothing.
    """

    rgb: NDArray[np.uint8] | NDArray[np.float32]
    width: int
    height: int
    evidence: str = ""
