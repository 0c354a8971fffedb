"""torchvision beside a torch without CUDA."""

from __future__ import annotations

import importlib
from typing import Final

import torch

_NAMES = ("nms", "qnms")
# Definitions last as long as this object.
_LIBRARY: Final = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]


def load() -> None:
    """Import torchvision.

    Its wheel is compiled for CUDA. Where the CPU's torch cannot load that, it still describes operators that
    were to come with it, and fails. None is called when one image is segmented, so that names are enough.
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
    importlib.import_module("torchvision")
