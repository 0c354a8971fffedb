"""EdgeTAM for images, as two torch modules that take the official weights.

It is SAM 2 (``segmenters.networks.sam2``) with RepViT for a trunk; what tells it from SAM 2 in a video has no
part in an image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from segmenters.architectures import Architecture
from segmenters.networks import sam2
from segmenters.networks.feature_pyramid import PyramidEncoder
from segmenters.networks.folding import drop, fold_batch_norm, parts
from segmenters.networks.rep_vit import WIDTHS, RepVit
from segmenters.runtimes.session import Half

_STAGE = re.compile(r"^trunk\.body\.stages_(\d)\.")
_KERNEL = 3  # of the convolution whose branches are folded


class EdgeTamEncoder(PyramidEncoder):
    """The encoder half."""

    def __init__(self) -> None:
        super().__init__(WIDTHS)
        self.trunk = RepVit()

    def stages(self, image: Tensor) -> list[Tensor]:
        """The trunk's maps."""
        return cast(list[Tensor], self.trunk(image))


def build(architecture: Architecture, half: Half) -> nn.Module:
    """``half`` of EdgeTAM on torch's meta device: shapes without memory, for a strict load to fill."""
    if half is Half.DECODER:
        return sam2.build(architecture, half)
    with torch.device("meta"):
        return EdgeTamEncoder()


def rename(state: Mapping[str, Tensor], half: Half) -> dict[str, Tensor]:
    """The entries of an official ``state`` that belong to ``half``, under the keys of its module.

    As ``segmenters.networks.sam2.rename``; the trunk's batch normalisations and branches are folded.
    """
    own = sam2.rename(state, half)
    if half is Half.DECODER:
        return own
    return folded(
        {_STAGE.sub(r"trunk.stages.\1.", key).replace("trunk.body.", "trunk."): own[key] for key in own}
    )


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``state`` with batch normalisations folded, and three branches added into one convolution."""
    found = dict(state)
    for key in state:
        if key.endswith(".c.weight"):
            fold_batch_norm(found, key.removesuffix("c.weight"))
    for key in list(found):
        if key.endswith(".token_mixer.conv.weight"):
            _add_branches(found, key.removesuffix("conv.weight"))
    return found


def _add_branches(state: dict[str, Tensor], layer: str) -> None:
    """A convolution of 3 x 3, one of a single pixel and the input itself are one convolution of 3 x 3."""
    channels = len(state[f"{layer}conv.weight"])
    wide = parts(state, layer, ("conv.weight",), (channels, 1, _KERNEL, _KERNEL))
    narrow = parts(state, layer, ("conv1.weight",), (channels, 1, 1, 1))
    shifts = parts(state, layer, ("conv.bias", "conv1.bias"), (channels,))
    if wide is None or narrow is None or shifts is None:
        return
    kernel = wide[0].clone()
    kernel[:, :, 1, 1] += narrow[0][:, :, 0, 0] + 1
    state[f"{layer}weight"] = kernel.float()
    state[f"{layer}bias"] = sum(shifts, torch.zeros(())).float()
    drop(state, layer, "conv.weight", "conv.bias", "conv1.weight", "conv1.bias")
