"""torchvision beside a torch without CUDA."""

from __future__ import annotations

import importlib
from typing import Final

import torch
from torch import Tensor

_NAMES = ("nms", "qnms")
# Definitions last as long as this object.
_LIBRARY: Final = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]


def load() -> None:
    """Import torchvision.

    Its wheel is compiled for CUDA. Where the CPU's torch cannot load that, it still describes operators that
    were to come with it, and fails. Of these only ``nms`` is called, by the mask generators: it is here as
    torchvision describes it.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    else:
        return
    for name in _NAMES:
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        _LIBRARY.define(schema)  # type: ignore[no-untyped-call]
    _LIBRARY.impl("nms", _nms, "CPU")  # type: ignore[no-untyped-call]
    importlib.import_module("torchvision")
    vars(importlib.import_module("torchvision.ops.boxes"))["_assert_has_ops"] = lambda: None


def _nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The numbers of the boxes that overlap no better one that is kept, the best first."""
    overlap = importlib.import_module("torchvision.ops.boxes").box_iou(boxes, boxes)
    kept: list[int] = []
    for number in scores.argsort(descending=True, stable=True).tolist():
        if not (overlap[number, kept] > iou_threshold).any():
            kept.append(number)
    return torch.tensor(kept, dtype=torch.int64)
