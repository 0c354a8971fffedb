"""The regions that somebody who works on a task has drawn so far: where they are, and with which label."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from protocol.bodies.annotated import results_now
from protocol.boxes import SHAPES, marks_of
from protocol.drawings import Draw
from protocol.options import ReadOptions
from protocol.shapes import Area
from values.errors import BadPrompt

REGION_LIMIT = 1000
"""Regions that are looked at, the newest ones."""
DECODED_LIMIT = 64
"""Of these, those whose pixels have to be decoded to know where they are."""
RESULTS_BYTES = 8 * 2**20
"""Of their JSON. An RLE of a megabyte takes a second."""

Boxes = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnRegions:
    """``boxes``: (R, 4) x0, y0, x1, y1 around each region, as fractions of the picture. ``label``: the newest
    region's that has one, or None."""

    boxes: Boxes
    label: str | None


def drawn_regions(
    body: bytes,
    image: str,
    item_index: int | None,
    prompts: Container[str | None],
    draw: Draw,
    options: ReadOptions,
) -> DrawnRegions:
    """The regions on one image of a request's first task: those of its newest draft, or of its annotation.

    ``body``: of /predict. ``image``: the name of the ``<Image>``. ``prompts``: ids of what the request asks
    with, which is in the draft and no region. ``draw`` reads drawn masks. A region that cannot be read is
    passed over. Raises BadRequest where the body is not of its shape.
    """
    results = results_now(body, SHAPES, "the body of /predict")
    return regions_among(results, image, item_index, prompts, draw, options)


def regions_among(
    results: Sequence[msgspec.Raw],
    image: str,
    item_index: int | None,
    prompts: Container[str | None],
    draw: Draw,
    options: ReadOptions,
) -> DrawnRegions:
    """The regions on one image among ``results``, as ``drawn_regions``."""
    boxes: list[Boxes] = []
    label, decoded = None, 0
    for region, mark, area, _ in marks_of(_newest(results), options, []):
        here = mark.to_name in ("", image) and (mark.item_index or 0) == (item_index or 0)
        if region in prompts or not here:
            continue
        label = mark.label or label
        decoded += area.outline is None
        box = None if area.outline is None and decoded > DECODED_LIMIT else _box(area, draw)
        if box is not None:
            boxes.append(box)
    return DrawnRegions(np.array(boxes, np.float64).reshape(-1, 4), label)


def _box(area: Area, draw: Draw) -> Boxes | None:
    try:
        return area.read(draw).box if area.outline is None else area.outline()
    except BadPrompt:
        return None  # what cannot be drawn is on nobody's screen


def _newest(results: Sequence[msgspec.Raw]) -> list[msgspec.Raw]:
    kept: list[msgspec.Raw] = []
    size = 0
    for raw in reversed(results[-REGION_LIMIT:]):
        size += memoryview(raw).nbytes
        if size > RESULTS_BYTES:
            break
        kept.append(raw)
    return kept[::-1]
