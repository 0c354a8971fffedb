"""The inputs of both halves: images, normalised and padded, and the prompts of an annotator."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.architectures import LOW_RES, MEAN, SIDE, STD, Family
from values.embedding import Embedding
from values.prompt import Prompt

_PADDING = np.array([[0.0, 0.0]], np.float32), np.array([-1.0], np.float32)
_CORNERS = np.array([2.0, 3.0], np.float32)

# A drawn mask is on or off: as logits +-10, as SAM 2's authors feed a mask that is given (scale 20, bias -10
# in `_use_mask_as_output`).
_DRAWN = 10.0
# SAM 2's predictor keeps low-res logits within these, and its network expects them there.
SAM2_LIMIT = 32.0


def canvas(rgb: NDArray[np.generic]) -> NDArray[np.float32]:
    """(1, 3, 1024, 1024) float32: ``rgb`` (HxWx3, 0..255) normalised, at the top left; the padding is 0.

    As ``Sam.preprocess`` of segment-anything, which pads after it normalises.
    """
    height, width = rgb.shape[:2]
    prepared = np.zeros((1, 3, SIDE, SIDE), np.float32)
    for channel, (mean, std) in enumerate(zip(MEAN, STD, strict=True)):
        plane = prepared[0, channel, :height, :width]
        np.subtract(rgb[..., channel], np.float32(mean), out=plane, casting="unsafe")
        np.divide(plane, np.float32(std), out=plane)
    return prepared


def decoder_inputs(prompt: Prompt, embedding: Embedding, family: Family) -> dict[str, NDArray[np.float32]]:
    """The prompt's arrays as ``segmenters.runtimes.session.Session`` describes them.

    The order of the points is the official predictors': SAM puts a box's corners after the clicks and pads
    only without a box (its ONNX example does); SAM 2 puts them first and always pads. A prompt that has
    neither clicks nor box is the padding point alone.
    """
    points, labels = points_of(prompt, embedding, family)
    mask = _mask(prompt, embedding, family)
    return {
        "point_coords": points[None],
        "point_labels": labels[None],
        "mask_input": np.zeros((1, 1, LOW_RES, LOW_RES), np.float32) if mask is None else mask[None, None],
        "has_mask_input": np.array([mask is not None], np.float32),
    }


def points_of(
    prompt: Prompt, embedding: Embedding, family: Family
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(N, 2) and (N,) float32: the prompt's points on the canvas and their labels, as above without the 1."""
    canvas = np.array([embedding.input_width, embedding.input_height], np.float64)
    clicks = (prompt.points, prompt.labels.astype(np.float32))
    parts = [clicks]
    if prompt.box is not None:
        corners = (prompt.box.reshape(2, 2), _CORNERS)
        parts = [corners, clicks] if family.as_sam2 else [clicks, corners]
    points = np.concatenate([part[0] for part in parts]) * canvas
    labels = np.concatenate([part[1] for part in parts])
    if prompt.box is None or family.as_sam2:
        points, labels = np.concatenate([points, _PADDING[0]]), np.concatenate([labels, _PADDING[1]])
    return points.astype(np.float32), labels.astype(np.float32)


def _mask(prompt: Prompt, embedding: Embedding, family: Family) -> NDArray[np.float32] | None:
    """(256, 256) float32 logits, or None. A drawn mask goes before the logits of an earlier answer."""
    if prompt.mask is not None:
        return _drawn(prompt.mask, embedding)
    if prompt.low_res is None:
        return None
    if family.as_sam2:
        return np.clip(prompt.low_res, -SAM2_LIMIT, SAM2_LIMIT)
    return prompt.low_res


def _drawn(mask: NDArray[np.float32], embedding: Embedding) -> NDArray[np.float32]:
    """The drawn mask on the canvas, where the image is; the padding is off."""
    width = max(1, round(embedding.input_width * LOW_RES / SIDE))
    height = max(1, round(embedding.input_height * LOW_RES / SIDE))
    laid = np.full((LOW_RES, LOW_RES), -_DRAWN, np.float32)
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    laid[:height, :width] = small * np.float32(2 * _DRAWN) - np.float32(_DRAWN)
    return laid
