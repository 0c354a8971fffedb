"""SAM's decoder half: a prompt encoder, for points, a box's corners and a mask, and a mask decoder.

Their parameters have the names of segment-anything 1.0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from segmenters.architectures import LOW_RES, SHARED, SIDE
from segmenters.networks.layers import EMBEDDING, GRID, ChannelNorm, Head
from segmenters.networks.two_way import TwoWayTransformer

_MASKS = 4
_FINE, _FINEST = EMBEDDING // 4, EMBEDDING // 8  # channels after each upscaling


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
        """(..., 256) for points (..., 2) on the canvas, whose labels (...) are those of the decoder's inputs.

        Padding has no place.
        """
        kinds = torch.cat([self.not_a_point_embed.weight, *self.point_embeddings.parameters()])
        places = self.pe_layer((coords + 0.5) / SIDE) * (labels >= 0)[..., None]
        return cast(Tensor, places + functional.embedding(labels.long() + 1, kinds))

    def mask(self, logits: Tensor, given: Tensor) -> Tensor:
        """(1, 256, 64, 64) for low-res logits (1, 1, 256, 256), or for no mask where ``given`` (1,) is 0."""
        none = self.no_mask_embed.weight.reshape(1, -1, 1, 1)
        return torch.where(given.reshape(-1, 1, 1, 1) > 0, self.mask_downscaling(logits), none)

    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What a mask decoder takes of one prompt; inputs are as in ``segmenters.runtimes.session.Session``.

        The image's embedding and the mask's, (1, 256, 64, 64); the cells' positions, (4096, 256); and the
        points', (N, 256).
        """
        image = image_embeddings + self.mask(mask_input, has_mask_input)
        return image, self.pe_layer.grid(), self.points(point_coords[0], point_labels[0])


class MaskDecoder(nn.Module):
    """Four masks and their scores for one prompt.

    ``features``: the arrays of an image that it takes besides the embedding. ``shared``: what of the image
    is computed once for many prompts.
    """

    features: tuple[str, ...] = ()
    shared: tuple[str, ...] = SHARED

    def __init__(self) -> None:
        super().__init__()
        self.iou_token = nn.Embedding(1, EMBEDDING)
        self.mask_tokens = nn.Embedding(_MASKS, EMBEDDING)
        self.transformer = TwoWayTransformer()
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(EMBEDDING, _FINE, 2, 2),
            ChannelNorm(_FINE),
            nn.GELU(),
            nn.ConvTranspose2d(_FINE, _FINEST, 2, 2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(Head(EMBEDDING, _FINEST) for _ in range(_MASKS))
        self.iou_prediction_head = Head(EMBEDDING, _MASKS)

    def forward(self, image: Tensor, places: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (1, 4, 256, 256) and scores (1, 4).

        ``image``: (1, 256, 64, 64), the image's embedding and the mask's. ``places``: (4096, 256), its cells'
        positions. ``points``: (N, 256).
        """
        tokens, pixels = self.transformer(torch.cat([self.own_tokens(), points]), in_rows(image), places)
        return self.logits(tokens[1:], pixels), self.scores(tokens[:1])

    def own_tokens(self) -> Tensor:
        """(5 or more, 256): the tokens before those of a prompt's points; the masks' are the last."""
        return torch.cat([self.iou_token.weight, self.mask_tokens.weight])

    def of_image(self, _features: Mapping[str, Tensor]) -> list[Tensor]:
        """What ``shared`` has after ``SHARED``, from the arrays of ``features``, which have a leading 1."""
        return []

    def scores(self, token: Tensor) -> Tensor:
        """(..., 4) of the token (..., 256) before those of the masks."""
        return cast(Tensor, self.iou_prediction_head(token))

    def logits(
        self, tokens: Tensor, pixels: Tensor, fine: Tensor | None = None, finest: Tensor | None = None
    ) -> Tensor:
        """(1, 4, 256, 256) from the masks' ``tokens`` (4 or more, 256), of which the first four count.

        ``pixels``, ``fine``, ``finest``: those of ``upscaled``. The pixels are put in rows at the end, when
        only four channels are left.
        """
        return self.products(tokens, self.upscaled(pixels, fine, finest))

    def upscaled(self, pixels: Tensor, fine: Tensor | None = None, finest: Tensor | None = None) -> Tensor:
        """(65536, 32), in the order of ``in_quarters``, from ``pixels`` (4096, 256).

        ``fine``, ``finest``: what is added to them after each upscaling, in their order, (16384, 64) and
        (65536, 32).
        Transposed convolutions of kernel and stride 2 turn each pixel into four, whatever its neighbours are:
        a matrix product and a list of pixels, four times as long.
        """
        first, norm, _, second, _ = self.output_upscaling
        assert isinstance(first, nn.ConvTranspose2d)  # noqa: S101 - for the type checker
        assert isinstance(norm, ChannelNorm)  # noqa: S101
        assert isinstance(second, nn.ConvTranspose2d)  # noqa: S101
        larger = _plus(_fourfold(pixels, first), fine)
        larger = functional.gelu(functional.layer_norm(larger, (_FINE,), norm.weight, norm.bias, norm.eps))
        return functional.gelu(_plus(_fourfold(larger, second), finest))

    def products(self, tokens: Tensor, upscaled: Tensor) -> Tensor:
        """(1, 4, 256, 256) of the masks' ``tokens`` with ``upscaled`` pixels."""
        heads = enumerate(self.output_hypernetworks_mlps)
        weights = torch.cat([head(tokens[i : i + 1]) for i, head in heads])
        logits = (upscaled @ weights.transpose(0, 1)).reshape(GRID, GRID, 2, 2, 2, 2, _MASKS)
        return logits.permute(6, 0, 2, 4, 1, 3, 5).reshape(1, _MASKS, LOW_RES, LOW_RES)


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
        image, places, points = self.prompt_encoder(
            image_embeddings, point_coords, point_labels, mask_input, has_mask_input
        )
        masks: tuple[Tensor, Tensor] = self.mask_decoder(image, places, points)
        return masks


def in_rows(image: Tensor) -> Tensor:
    """(4096, 256): the cells of an image embedding (1, 256, 64, 64), row by row."""
    return image.reshape(EMBEDDING, GRID * GRID).transpose(0, 1)


def in_quarters(features: Tensor) -> Tensor:
    """The pixels of a map (1, C, 128, 128) or (1, C, 256, 256) as upscaling has them: (16384 or 65536, C).

    By cell of the image embedding, then by its quarters, then by the quarters of these.
    """
    channels, side = features.shape[1:3]
    if side == 2 * GRID:
        cells = features.reshape(channels, GRID, 2, GRID, 2).permute(1, 3, 2, 4, 0)
    else:
        cells = features.reshape(channels, GRID, 2, 2, GRID, 2, 2).permute(1, 4, 2, 5, 3, 6, 0)
    return cells.reshape(-1, channels)


def quarters_weight(convolution: nn.ConvTranspose2d) -> Tensor:
    """(C, 4 C'): makes four quarters of each pixel as a convolution of kernel and stride 2 does."""
    return convolution.weight.permute(0, 2, 3, 1).flatten(1)


def _plus(pixels: Tensor, more: Tensor | None) -> Tensor:
    return pixels if more is None else pixels + more


def _fourfold(pixels: Tensor, convolution: nn.ConvTranspose2d) -> Tensor:
    """(4 P, C') from (P, C): each pixel's upper left, upper right, lower left and lower right quarter."""
    flat = pixels @ quarters_weight(convolution)
    if convolution.bias is not None:
        flat = flat + convolution.bias.repeat(4)
    return flat.reshape(-1, convolution.out_channels)
