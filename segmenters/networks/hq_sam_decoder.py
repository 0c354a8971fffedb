"""HQ-SAM's decoder half: SAM's, and a token whose finer mask is added to each of SAM's masks.

Its parameters have the names of segment-anything-hq 0.3 (arXiv 2306.01567).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from segmenters.architectures import HQ, LOW_RES, SHARED
from segmenters.networks.layers import EMBEDDING, GRID, ChannelNorm, Head
from segmenters.networks.sam_decoder import MaskDecoder, PromptEncoder, in_rows

FEATURES = EMBEDDING // 8  # channels of the HQ features and of what SAM upscales
_BETWEEN = EMBEDDING // 4  # channels between the two convolutions
_KERNEL = 3


class HqMaskDecoder(MaskDecoder):
    """Four masks and their scores for one prompt."""

    features = ("hq_features",)
    shared = SHARED + HQ

    def __init__(self) -> None:
        super().__init__()
        self.hf_token = nn.Embedding(1, EMBEDDING)
        self.hf_mlp = Head(EMBEDDING, FEATURES)
        self.embedding_maskfeature = nn.Sequential(
            nn.Conv2d(FEATURES, _BETWEEN, _KERNEL, padding=1),
            ChannelNorm(_BETWEEN),
            nn.GELU(),
            nn.Conv2d(_BETWEEN, FEATURES, _KERNEL, padding=1),
        )

    def from_features(
        self, image: Tensor, places: Tensor, points: Tensor, hq_features: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As ``MaskDecoder.forward``, with the encoder's HQ features."""
        tokens, pixels = self.transformer(torch.cat([self.own_tokens(), points]), in_rows(image), places)
        upscaled = self.upscaled(pixels)
        logits = self.products(tokens[2:], upscaled)
        [hq] = self.of_image({"hq_features": hq_features})
        return logits + self.hq_mask(tokens[:1], upscaled[None], hq), self.scores(tokens[1:2])

    def own_tokens(self) -> Tensor:
        """(6, 256): those of SAM after the HQ token, which has no place among them: it might be anywhere."""
        return torch.cat([self.hf_token.weight, super().own_tokens()])

    def of_image(self, features: Mapping[str, Tensor]) -> list[Tensor]:
        """``HQ``."""
        return [features["hq_features"].reshape(FEATURES, LOW_RES * LOW_RES)]

    def hq_mask(self, token: Tensor, upscaled: Tensor, hq: Tensor) -> Tensor:
        """(B, 1, 256, 256) of the HQ token (B, 256), SAM's upscaled pixels (B, 65536, 32) in the order of
        ``in_quarters`` and the HQ features (32, 65536).

        Officially the second convolution gives 32 channels, which are then multiplied with the token's 32
        weights and added. Its kernels are multiplied with them instead: what is left is one number for each
        pixel and place in the kernel, and a sum of nine of them.
        """
        first, norm, _, second = self.embedding_maskfeature
        assert isinstance(norm, ChannelNorm)  # noqa: S101 - for the type checker
        assert isinstance(second, nn.Conv2d)  # noqa: S101
        weights = cast(Tensor, self.hf_mlp(token))
        pixels = first(_in_map(upscaled)).flatten(2).transpose(1, 2)
        pixels = functional.gelu(nn.LayerNorm.forward(norm, pixels))
        kernels = (weights @ second.weight.flatten(1)).reshape(-1, _BETWEEN, _KERNEL**2)
        parts = (pixels @ kernels).transpose(1, 2).reshape(-1, _KERNEL**2, LOW_RES, LOW_RES)
        places = torch.eye(_KERNEL**2, device=token.device).reshape(1, _KERNEL**2, _KERNEL, _KERNEL)
        mask = functional.conv2d(parts, places.to(parts.dtype), padding=1)
        own = weights @ hq + (weights @ cast(Tensor, second.bias))[:, None]
        return mask + own.reshape(-1, 1, LOW_RES, LOW_RES)


class HqDecoder(nn.Module):
    """The decoder half, for one image and one prompt at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.prompt_encoder = PromptEncoder()
        self.mask_decoder = HqMaskDecoder()

    def forward(
        self,
        image_embeddings: Tensor,
        hq_features: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Inputs and outputs as ``segmenters.runtimes.session.Session`` describes them."""
        image, places, points = self.prompt_encoder(
            image_embeddings, point_coords, point_labels, mask_input, has_mask_input
        )
        return self.mask_decoder.from_features(image, places, points, hq_features)


def _in_map(upscaled: Tensor) -> Tensor:
    """(B, 32, 256, 256) of pixels (B, 65536, 32) in the order of ``in_quarters``."""
    quarters = upscaled.reshape(-1, GRID, GRID, 2, 2, 2, 2, FEATURES)
    return quarters.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(-1, FEATURES, LOW_RES, LOW_RES)
