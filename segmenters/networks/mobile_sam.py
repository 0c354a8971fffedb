"""MobileSAM's two halves as torch modules: TinyViT, and the decoder of SAM."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segmenters.architectures import Architecture
from segmenters.networks import sam
from segmenters.networks.tiny_vit import TinyViT
from segmenters.networks.tiny_vit_weights import folded
from segmenters.runtimes.session import Half

# Entries of the classifier that TinyViT was distilled as.
_UNUSED = tuple(
    f"image_encoder.{part}.{leaf}" for part in ("head", "norm_head") for leaf in ("weight", "bias")
)


def build(architecture: Architecture, half: Half) -> nn.Module:
    """``half`` of MobileSAM on torch's meta device: shapes without memory, for a strict load to fill."""
    if half is Half.DECODER:
        return sam.build(architecture, half)
    with torch.device("meta"):
        return sam.SamEncoder(TinyViT())


def rename(state: Mapping[str, Tensor], half: Half) -> dict[str, Tensor]:
    """The entries of an official ``state`` without the other half's and the classifier's.

    The decoder keeps its keys. The encoder's become those of ``segmenters.networks.tiny_vit.TinyViT``.
    """
    own = sam.rename(state, half)
    if half is Half.DECODER:
        return own
    return folded({key: value for key, value in own.items() if key not in _UNUSED})
