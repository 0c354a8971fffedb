"""SAM's prompt encoder: points, corners of a box and a mask as embeddings.

Its parameters have the names of segment-anything 1.0.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from segmenters.architectures import SIDE
from segmenters.networks.layers import EMBEDDING, GRID, ChannelNorm


class Positions(nn.Module):
    """Random Fourier features of places in an image."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.zeros(2, EMBEDDING // 2))

    def forward(self, places: Tensor) -> Tensor:
        """(..., 2) x and y in 0..1 -> (..., 256).

        Products and a sum, not a matrix product, which autocast would round to bfloat16: the angles span
        many turns.
        """
        matrix = self.positional_encoding_gaussian_matrix
        centred = 2 * places - 1
        angles = 2 * math.pi * (centred[..., :1] * matrix[0] + centred[..., 1:] * matrix[1])
        return torch.cat([angles.sin(), angles.cos()], -1)

    def grid(self) -> Tensor:
        """(4096, 256): the places of an image embedding's cells, row by row; runtimes make it a constant."""
        device = self.positional_encoding_gaussian_matrix.device
        centres = (torch.arange(GRID, dtype=torch.float32, device=device) + 0.5) / GRID
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        return cast(Tensor, self(torch.stack([x.flatten(), y.flatten()], -1)))


class PromptEncoder(nn.Module):
    """A prompt's embeddings, those of its points and those of its mask."""

    def __init__(self) -> None:
        super().__init__()
        self.pe_layer = Positions()
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, EMBEDDING) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, EMBEDDING)
        self.no_mask_embed = nn.Embedding(1, EMBEDDING)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2),
            ChannelNorm(4),
            nn.GELU(),
            nn.Conv2d(4, 16, 2, 2),
            ChannelNorm(16),
            nn.GELU(),
            nn.Conv2d(16, EMBEDDING, 1),
        )

    def points(self, coords: Tensor, labels: Tensor) -> Tensor:
        """(N, 256) for points (N, 2) on the canvas, whose labels (N,) are those of the decoder's inputs.

        Padding has no place.
        """
        kinds = torch.cat([self.not_a_point_embed.weight, *self.point_embeddings.parameters()])
        places = self.pe_layer((coords + 0.5) / SIDE) * (labels >= 0)[:, None]
        return cast(Tensor, places + functional.embedding(labels.long() + 1, kinds))

    def mask(self, logits: Tensor, given: Tensor) -> Tensor:
        """(1, 256, 64, 64) for low-res logits (1, 1, 256, 256), or for no mask where ``given`` (1,) is 0."""
        none = self.no_mask_embed.weight.reshape(1, -1, 1, 1)
        return torch.where(given.reshape(-1, 1, 1, 1) > 0, self.mask_downscaling(logits), none)
