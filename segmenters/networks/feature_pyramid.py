"""What follows the blocks of SAM 2's image encoder: a feature pyramid, and the decoder's first look at it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from segmenters.networks.layers import EMBEDDING


class PyramidEncoder(nn.Module):
    """The features that SAM 2's image predictor keeps of an image, whatever the trunk is."""

    def __init__(self, widths: Sequence[int]) -> None:
        """``widths``: channels of the trunk's four stages, from the finest to the coarsest."""
        super().__init__()
        # From the coarsest stage to the finest, as the checkpoint has them.
        self.neck = nn.ModuleList(nn.Conv2d(width, EMBEDDING, 1) for width in reversed(widths))
        self.no_memory_embedding = nn.Parameter(torch.zeros(1, 1, EMBEDDING))
        self.conv_s0 = nn.Conv2d(EMBEDDING, 32, 1)
        self.conv_s1 = nn.Conv2d(EMBEDDING, 64, 1)

    def stages(self, image: Tensor) -> list[Tensor]:
        """The trunk's maps of images (B, 3, 1024, 1024): their sides are 256, 128, 64 and 32."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of normalised images, (B, 3, 1024, 1024) float32.

        Gives ``image_embeddings`` (B, 256, 64, 64), to which the embedding of "no earlier frames" is added,
        ``high_res_0`` (B, 32, 256, 256) and ``high_res_1`` (B, 64, 128, 128).
        """
        finest, fine, middle, coarse = self.stages(image)
        top = functional.interpolate(self.neck[0](coarse), scale_factor=2.0, mode="nearest")
        embeddings = self.neck[1](middle) + top + self.no_memory_embedding.reshape(1, -1, 1, 1)
        return embeddings, self.conv_s0(self.neck[3](finest)), self.conv_s1(self.neck[2](fine))
