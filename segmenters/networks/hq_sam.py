"""HQ-SAM's two halves as torch modules that take the official weights: "Segment Anything in High Quality".

The encoder is SAM's or MobileSAM's. It also gives what HQ-SAM's decoder needs of the image alone, so that
this is computed once for an image and not for each click.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segmenters.architectures import Architecture
from segmenters.networks import mobile_sam
from segmenters.networks.hq_sam_decoder import FEATURES, HqDecoder
from segmenters.networks.layers import EMBEDDING, ChannelNorm
from segmenters.networks.sam import SIZES, Vit
from segmenters.networks.tiny_vit import TinyViT
from segmenters.runtimes.session import Half

# Parts of the mask decoder that end the encoder, because no prompt changes their input.
_BRIDGE = ("mask_decoder.compress_vit_feat.", "mask_decoder.embedding_encoder.")

_TINY = 160  # channels of TinyViT's early map


class HqEncoder(nn.Module):
    """The encoder half."""

    def __init__(self, image_encoder: Vit | TinyViT, channels: int) -> None:
        """``channels``: of the early map."""
        super().__init__()
        self.image_encoder = image_encoder
        self.compress_vit_feat = _four_times_finer(channels, EMBEDDING)
        self.embedding_encoder = _four_times_finer(EMBEDDING, EMBEDDING // 4)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Of normalised images (B, 3, 1024, 1024): ``image_embeddings`` (B, 256, 64, 64) and ``hq_features``
        (B, 32, 256, 256)."""
        early, embeddings = self.image_encoder.early_and_embedding(image)
        return embeddings, self.embedding_encoder(embeddings) + self.compress_vit_feat(early)


def _four_times_finer(channels: int, between: int) -> nn.Sequential:
    """(B, ``channels``, 64, 64) -> (B, 32, 256, 256)."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels, between, 2, 2),
        ChannelNorm(between),
        nn.GELU(),
        nn.ConvTranspose2d(between, FEATURES, 2, 2),
    )


def build(architecture: Architecture, half: Half) -> nn.Module:
    """``half`` of HQ-SAM on torch's meta device: shapes without memory, for a strict load to fill."""
    with torch.device("meta"):
        if half is Half.DECODER:
            return HqDecoder()
        name = architecture.name.removeprefix("sam_hq_vit_")
        if name == "tiny":
            return HqEncoder(TinyViT(), _TINY)
        size = SIZES[f"sam_vit_{name}"]
        return HqEncoder(Vit(size), size.channels)


def rename(state: Mapping[str, Tensor], half: Half) -> dict[str, Tensor]:
    """The entries of an official ``state`` that belong to ``half``, under the keys of its module."""
    own = {key: value for key, value in state.items() if not key.startswith(_BRIDGE)}
    # Of an encoder of SAM there is nothing to fold, and its keys stay.
    found = mobile_sam.rename(own, half)
    if half is Half.ENCODER:
        bridge = {key: value for key, value in state.items() if key.startswith(_BRIDGE)}
        found |= {key.removeprefix("mask_decoder."): value for key, value in bridge.items()}
    return found
