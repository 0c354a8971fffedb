"""Small ONNX files in ONNX's own text format, with the inputs and outputs of SAM's halves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

DECODER = """
<ir_version: 8, opset_import: ["": 17]>
decoder (
    float[1, 256, 64, 64] image_embeddings, float[1, points, 2] point_coords, float[1, points] point_labels,
    float[1, 1, 256, 256] mask_input, float[1] has_mask_input, float[2] orig_im_size
) => (float[?, ?, ?, ?] masks, float[?, 4] iou_predictions, float[?, ?, ?, ?] low_res_masks) {
    low_res_masks = Concat <axis = 1> (mask_input, mask_input, mask_input, mask_input)
    clicked = ReduceMax <axes = [1, 2], keepdims = 0> (point_coords)
    best = ReduceMax <axes = [2, 3], keepdims = 0> (low_res_masks)
    iou_predictions = Add (best, clicked)
    size = ReduceMax <keepdims = 0> (orig_im_size)
    masks = Mul (low_res_masks, size)
}
"""

ENCODER = """
<ir_version: 8, opset_import: ["": 17]>
encoder (float[batch, 3, 1024, 1024] pixels) => (float[batch, 256, 64, 64] features) {
    features = Conv <strides = [16, 16]> (pixels, weight)
}
"""

WEIGHT = np.linspace(-1, 1, 256 * 3 * 16 * 16, dtype=np.float32).reshape(256, 3, 16, 16)


def model(text: str, **weights: NDArray[np.float32]) -> onnx.ModelProto:
    """The model that ``text`` describes, with ``weights`` by name."""
    parsed = onnx.parser.parse_model(text)
    parsed.graph.initializer.extend(
        onnx.numpy_helper.from_array(value, name) for name, value in weights.items()
    )
    return parsed


def encoder(path: Path, *changes: tuple[str, str], beside: str | None = None) -> Path:
    """An encoder's file after ``changes`` of its text; ``beside``: name of a file for its weights."""
    found = model(_changed(ENCODER, changes), weight=WEIGHT)
    onnx.save(found, str(path), save_as_external_data=beside is not None, location=beside)
    return path


def decoder(path: Path, *changes: tuple[str, str]) -> Path:
    """A decoder's file after ``changes`` of its text."""
    onnx.save(model(_changed(DECODER, changes)), str(path))
    return path


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        assert old in text, f"the graph has no {old}"
        text = text.replace(old, new)
    return text
