"""Regions, as Label Studio's JSON has them, made of a mask for the control that takes it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol import bitmask, brush_rle, fitted_shapes
from protocol.click import Click
from protocol.controls import Output
from protocol.options import RegionOptions
from protocol.polygons import polygons
from protocol.postprocessing import postprocessed
from protocol.predictions import clamp
from values.click_answer import Region
from values.prompt import Prompt


def encode(
    mask: NDArray[np.bool_],
    score: float,
    click: Click,
    options: RegionOptions | None = None,
    output: Output | None = None,
    prompt: Prompt | None = None,
) -> list[Region]:
    """The regions of a mask, for one of the click's output controls; none for an empty mask.

    ``mask``: HxW bool, exactly ``click.height`` x ``click.width``: Label Studio's editor lays the mask over
    the image it shows without looking at the size we state. ``score``: clamped to 0..1, and 0 when not
    finite. ``output``, ``prompt``: those that the mask is for, the first of the click's without.

    Brush, bitmask, rectangle and ellipse give one region, polygons one for each part. Tags
    without labels of their own repeat each region under their ``<Labels>`` control. Ids are new each time:
    Label Studio takes a known id for a change of that region.

    Raises:
        ValueError: the mask is not bool or of another size.
    """
    if mask.shape != (click.height, click.width) or mask.dtype != np.bool_:
        raise ValueError(
            f"the mask is {mask.dtype} of shape {mask.shape}, not bool of {(click.height, click.width)}"
        )
    if not mask.any():
        return []
    options, output, prompt = (
        options or RegionOptions(),
        output or click.outputs[0],
        prompt or click.prompts[0],
    )
    mask = postprocessed(mask, prompt, options)
    values = _ENCODERS[output.tag.removesuffix("Labels")](mask, options)
    return [region for value in values for region in _regions(value, clamp(score), click, output)]


def _regions(value: dict[str, Any], score: float, click: Click, output: Output) -> list[Region]:
    """One region for the control, and its repeat for the labels when another control holds them."""
    identity = secrets.token_urlsafe(9)
    own_labels = output.tag.endswith("Labels")
    results = [(output.from_name, output.tag.lower(), own_labels)]
    if output.labels_from is not None and output.labels:
        results.append((output.labels_from, "labels", True))
    regions = []
    for from_name, kind, has_labels in results:
        region: Region = {
            "id": identity,
            "from_name": from_name,
            "to_name": output.to_name,
            "type": kind,
            "original_width": click.width,
            "original_height": click.height,
            "image_rotation": click.image_rotation,
            "value": {**value, kind: list(output.labels)} if has_labels else dict(value),
            "score": score,
            "readonly": False,
        }
        if click.item_index is not None:
            region["item_index"] = click.item_index
        regions.append(region)
    return regions


def _brush(mask: NDArray[np.bool_], _options: RegionOptions) -> list[dict[str, Any]]:
    return [{"format": "rle", "rle": brush_rle.encode(mask)}]


def _bitmask(mask: NDArray[np.bool_], _options: RegionOptions) -> list[dict[str, Any]]:
    return [{"imageDataURL": bitmask.data_url(mask)}]


_COARSE_PIXELS = 16_000_000


def _polygon(mask: NDArray[np.bool_], options: RegionOptions) -> list[dict[str, Any]]:
    if mask.size > _COARSE_PIXELS:  # outlines take three times a mask's memory, and are simplified anyway
        mask = mask[::2, ::2]
    height, width = mask.shape
    rings = polygons(
        mask,
        options.polygon_epsilon * max(height, width),
        options.polygon_min_part,
        options.polygon_max_parts,
    )
    return [{"points": (ring * (100 / width, 100 / height)).tolist(), "closed": True} for ring in rings]


def _rectangle(mask: NDArray[np.bool_], options: RegionOptions) -> list[dict[str, Any]]:
    fitted = fitted_shapes.turned_rectangle if options.rectangle_rotated else fitted_shapes.upright_rectangle
    return [fitted(mask)]


def _ellipse(mask: NDArray[np.bool_], _options: RegionOptions) -> list[dict[str, Any]]:
    return [fitted_shapes.ellipse(mask)]


_ENCODERS: dict[str, Callable[[NDArray[np.bool_], RegionOptions], list[dict[str, Any]]]] = {
    "Brush": _brush,
    "Bitmask": _bitmask,
    "Polygon": _polygon,
    "Rectangle": _rectangle,
    "Ellipse": _ellipse,
}
