"""Drawings as they come, whose pixels nobody has decoded, and what is read of them.

Reading takes image libraries: see ``protocol.mask_prompts``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from values.errors import BadPrompt

LONG_SIDE = 512
"""The long side of a mask prompt in pixels."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

PNG_BYTES = 112 * 2**20
"""Bytes of a PNG's pixels as they are decoded: four for each of several channels, two for one of 16 bits. Of
one channel of 8 bits, grey or a palette's, every picture that is allowed may come: those take one each."""

_GREY, _PALETTE = 0, 3  # colour types of the PNG specification

Kind = Literal["rle", "png", "opaque png", "polygon"]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A drawn mask in its encoded form, of a picture of ``width`` x ``height``.

    ``kind``: the brush's RLE, the brush's PNG, a bitmask's PNG, which is on where it is not transparent, or
    the corners of a polygon: Nx2 float64, (x, y) as fractions of the picture.
    """

    kind: Kind
    data: bytes
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """How many are decoded: all of the picture's, and of a polygon none."""
        return 0 if self.kind == "polygon" else self.width * self.height


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """An area of an image.

    ``box``: (4,) float64 x0, y0, x1, y1, the outer edges as fractions of the picture.
    ``mask``: HxW float32 in 0..1 over the whole picture, at most 512 pixels on the long side; None for a box.
    """

    box: NDArray[np.float64]
    mask: NDArray[np.float32] | None = None


Draw = Callable[[Drawing], Drawn]
"""A function that reads drawings: ``protocol.mask_prompts.read``, or one that has a process do it, which can
be ended."""


def check_png(data: bytes, width: int, height: int) -> None:
    """Raises BadPrompt where its header says that a PNG has another size, or would take too much memory."""
    claimed = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    if claimed != (width, height):
        raise BadPrompt(
            f"the mask's PNG has {claimed[0]} x {claimed[1]} pixels, its image {width} x {height}"
        )
    depth, is_single = data[24], data[25] in (_GREY, _PALETTE)
    if is_single and depth <= 8:
        return
    if width * height * (2 if is_single else 4) > PNG_BYTES:
        raise BadPrompt(
            f"the mask's PNG takes over {PNG_BYTES >> 20} MiB; send it grey or with a palette, or as an RLE"
        )


def png_bytes(url: str) -> bytes:
    """The PNG in a ``data:image/png;base64`` URL, of which nothing is decoded. Raises BadPrompt."""
    head, _, payload = url.partition(",")
    if not head.startswith("data:image/png") or not head.endswith(";base64"):
        raise BadPrompt('the mask is not a PNG in a data URL: it must begin with "data:image/png;base64,"')
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise BadPrompt("the mask's data URL is not base64") from None
    if len(data) < 33 or not data.startswith(_PNG_SIGNATURE):
        raise BadPrompt("the mask's data URL holds no PNG")
    return data
