"""What an open-vocabulary detector makes of one image before anybody asks for anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from values.embedding import Embedding

Floats = NDArray[np.float32]

MOST = 300
"""Boxes of an image that are kept: those that most look like an object. With 512 numbers each, 310 kB."""


class Malformed(ValueError):
    """Arrays that are not those of found boxes."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The boxes of one image, most like an object first: N of them, ``MOST`` at most, possibly none.

    ``boxes``: (N, 4) float32, x0, y0, x1, y1 as fractions of the picture, 0..1, each with an area.
    ``objectness``: (N,) float32, how much a box looks like any object, a logit, descending.
    ``vectors``: (N, D) float16 of length 1; the product with a query's vector tells how alike they are.
    ``shift``, ``scale``: (N,) float32, which turn that product into a logit, (product + shift) * scale.
    ``finder``: id of the detector (model and weights); only queries of the same one fit.
    ``width``, ``height``: natural size of the image in pixels. ``input_width``, ``input_height``: size of the
    pixels that the detector saw, without padding. ``evidence``: as ``values.image.Pixels`` has it.
    """

    boxes: Floats
    objectness: Floats
    vectors: NDArray[np.float16]
    shift: Floats
    scale: Floats
    finder: str
    width: int
    height: int
    input_width: int
    input_height: int
    evidence: str = field(default="", kw_only=True)

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self.as_embedding().nbytes

    def as_embedding(self) -> Embedding:
        """The same as an embedding, whose tiers keep, hand over, sweep and forget it like any other."""
        arrays = {name: getattr(self, name) for name in _KINDS}
        return Embedding(
            arrays,
            self.finder,
            self.width,
            self.height,
            self.input_width,
            self.input_height,
            evidence=self.evidence,
        )

    @classmethod
    def from_embedding(cls, kept: Embedding) -> Self:
        """What ``as_embedding`` was made of.

        Raises Malformed for other arrays: what is kept may be of a former version, or of anybody who may
        write there.
        """
        if set(kept.arrays) != set(_KINDS):
            raise Malformed(f"it has the arrays {', '.join(sorted(kept.arrays))[:80]}")
        arrays = {name: kept.arrays[name] for name in _KINDS}
        _check(arrays)
        return cls(
            **arrays,  # type: ignore[arg-type]  # _check has seen to the types
            finder=kept.segmenter,
            width=kept.width,
            height=kept.height,
            input_width=kept.input_width,
            input_height=kept.input_height,
            evidence=kept.evidence,
        )


_KINDS = {"boxes": np.float32, "objectness": np.float32, "vectors": np.float16} | dict.fromkeys(
    ("shift", "scale"), np.float32
)


def _check(arrays: dict[str, NDArray[np.generic]]) -> None:
    count = len(arrays["objectness"]) if arrays["objectness"].ndim else -1
    shapes = {"boxes": (count, 4), "objectness": (count,), "shift": (count,), "scale": (count,)}
    for name, array in arrays.items():
        if array.dtype != _KINDS[name]:
            raise Malformed(f"its {name} are of {array.dtype}")
        fits = array.ndim == 2 and len(array) == count if name == "vectors" else array.shape == shapes[name]
        if not fits:
            raise Malformed(f"its {name} have the shape {array.shape} beside {count} boxes")
        if not np.isfinite(array.astype(np.float32)).all():
            raise Malformed(f"its {name} are not all finite")
    if not 0 <= count <= MOST:
        raise Malformed(f"it has {count} boxes, and {MOST} are the most")
    boxes = arrays["boxes"].astype(np.float32)
    inside = bool(((boxes >= 0) & (boxes <= 1)).all())
    if not (inside and bool((boxes[:, 2:] > boxes[:, :2]).all())):
        raise Malformed("its boxes are not all within the picture")
