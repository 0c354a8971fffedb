"""SAM's two halves as torch modules, under the keys of the official checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from segmenters.architectures import Architecture
from segmenters.networks.mask_decoder import MaskDecoder
from segmenters.networks.prompt_encoder import PromptEncoder
from segmenters.networks.vit import SIZES, Vit
from segmenters.runtimes.session import Half

_OTHER = {Half.ENCODER: ("prompt_encoder.", "mask_decoder."), Half.DECODER: ("image_encoder.",)}


class SamEncoder(nn.Module):
    """The encoder half."""

    def __init__(self, image_encoder: nn.Module) -> None:
        super().__init__()
        self.image_encoder = image_encoder

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """``image_embeddings`` (B, 256, 64, 64) of normalised images (B, 3, 1024, 1024)."""
        return (cast(Tensor, self.image_encoder(image)),)


class SamDecoder(nn.Module):
    """The decoder half, for one image and one prompt at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.prompt_encoder = PromptEncoder()
        self.mask_decoder = MaskDecoder()

    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Inputs and outputs as ``segmenters.runtimes.session.Session`` describes them."""
        prompt = self.prompt_encoder
        image = image_embeddings + prompt.mask(mask_input, has_mask_input)
        points = prompt.points(point_coords[0], point_labels[0])
        masks: tuple[Tensor, Tensor] = self.mask_decoder(image, prompt.pe_layer.grid(), points)
        return masks


def build(architecture: Architecture, half: Half) -> nn.Module:
    """``half`` of a SAM on torch's meta device: shapes without memory, for a strict load to fill."""
    with torch.device("meta"):
        return SamDecoder() if half is Half.DECODER else SamEncoder(Vit(SIZES[architecture.name]))


def rename(state: Mapping[str, Tensor], half: Half) -> dict[str, Tensor]:
    """The entries of an official ``state`` without the other half's, under the same keys."""
    return {key: value for key, value in state.items() if not key.startswith(_OTHER[half])}
