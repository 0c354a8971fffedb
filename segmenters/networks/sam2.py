"""SAM 2 and SAM 2.1 for images, as two torch modules that take the official weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segmenters.architectures import Architecture
from segmenters.networks.sam2_decoder import Sam2Decoder
from segmenters.networks.sam2_encoder import SIZES, Sam2Encoder
from segmenters.networks.sam2_keys import renamed
from segmenters.runtimes.session import Half


def build(architecture: Architecture, half: Half) -> nn.Module:
    """``half`` of ``architecture`` on CPU in evaluation mode; its weights are whatever the memory held.

    2.0 and 2.1 differ in their weights and in what only a video needs: for images they are one network.
    """
    size = SIZES[architecture.name.rpartition("hiera_")[2]]
    with torch.device("meta"):
        module: nn.Module = Sam2Encoder(size) if half is Half.ENCODER else Sam2Decoder()
    return module.to_empty(device="cpu").eval()


def rename(state: Mapping[str, Tensor], half: Half) -> dict[str, Tensor]:
    """The entries of an official checkpoint that belong to ``half``, under the keys of its module.

    ``state``: what stands under ``model`` in the file. The other half's entries and those that only a video
    needs are left out; unknown ones are kept, so that a strict load names them.
    """
    return renamed(state, half)
