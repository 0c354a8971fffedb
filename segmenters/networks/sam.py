"""SAM's two halves as torch modules, under the keys of the official checkpoints: segment-anything 1.0.

The image encoder is a vision transformer whose blocks look at windows and, four times, at everything: the
network of "Segment Anything" (arXiv 2304.02643) with the relative positions of ViTDet (arXiv 2203.16527) and
MViTv2 (arXiv 2112.01526).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention as _attention

from segmenters.architectures import Architecture
from segmenters.networks.layers import GRID, Mlp, Windows, neck
from segmenters.networks.sam_decoder import SamDecoder
from segmenters.runtimes.session import Half

_PATCH = 16  # pixels along a side
_WINDOW = 14  # patches along a side

# Attention scores that exist at once, in numbers: in a CPU's cache, and on a GPU (1 GiB of bfloat16).
_IN_CACHE = 2**22
_ON_GPU = 2**29

_OTHER = {Half.ENCODER: ("prompt_encoder.", "mask_decoder."), Half.DECODER: ("image_encoder.",)}


@dataclass(frozen=True, slots=True)
class Size:
    """What the sizes differ in. ``everywhere``: the blocks that attend to the whole image."""

    channels: int
    blocks: int
    heads: int
    everywhere: tuple[int, ...]


SIZES = {
    "sam_vit_b": Size(768, 12, 12, (2, 5, 8, 11)),
    "sam_vit_l": Size(1024, 24, 16, (5, 11, 17, 23)),
    "sam_vit_h": Size(1280, 32, 16, (7, 15, 23, 31)),
}


class Vit(nn.Module):
    """Images to image embeddings."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, size.channels, _PATCH, _PATCH)})
        self.pos_embed = nn.Parameter(torch.zeros(1, GRID, GRID, size.channels))
        self.blocks = nn.ModuleList(
            Block(size.channels, size.heads, GRID if i in size.everywhere else _WINDOW)
            for i in range(size.blocks)
        )
        self.neck = neck(size.channels)
        self._first = size.everywhere[0]

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, 1024, 1024) -> (B, 256, 64, 64)."""
        return self.early_and_embedding(image)[1]

    def early_and_embedding(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The first block's map that has looked at the whole image, (B, C, 64, 64), and the embedding."""
        x = early = self.patch_embed["proj"](image).permute(0, 2, 3, 1) + self.pos_embed
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number == self._first:
                early = x
        return early.permute(0, 3, 1, 2), self.neck(x.permute(0, 3, 1, 2))


class Block(nn.Module):
    """Attention and a perceptron, each normalised before and added."""

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = Attention(channels, heads, window)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = Mlp(channels, 4 * channels, nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        """(B, 64, 64, C) -> the same shape."""
        x = x + self.attn(self.norm1(x))
        return cast(Tensor, x + self.mlp(self.norm2(x)))


class Attention(nn.Module):
    """Attention within windows, with a learnt term for how far apart two patches are in rows and columns."""

    IN_PRODUCTS = ("rel_pos_h", "rel_pos_w")

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.windows = Windows(GRID, window, channels, heads)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * window - 1, channels // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * window - 1, channels // heads))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 64, 64, C) -> the same shape."""
        queries, keys, values = self.windows.split(x, self.qkv)
        by_row = (queries @ self._distances(self.rel_pos_h))[..., :, None]
        by_column = (queries.transpose(2, 3) @ self._distances(self.rel_pos_w)).transpose(2, 3)[..., None, :]
        keys, values = keys.flatten(2, 3), values.flatten(2, 3)
        found = []
        heads, rows = self._share(x)
        for head in range(0, self.windows.heads, heads):
            some = slice(head, head + heads)
            strips = []
            for row in range(0, self.windows.window, rows):
                strip = (slice(None), some, slice(row, row + rows))
                distance = (by_row[strip] + by_column[strip]).flatten(4, 5).flatten(2, 3)
                asking = queries[strip].flatten(2, 3)
                strips.append(_attention(asking, keys[:, some], values[:, some], attn_mask=distance))
            found.append(torch.cat(strips, 2))
        return cast(Tensor, self.proj(self.windows.join(torch.cat(found, 1))))

    def _distances(self, table: Tensor) -> Tensor:
        """(window, C, window): the vectors for what is between a query's row and each key's, or columns."""
        place = torch.arange(self.windows.window, device=table.device)
        return table[place[:, None] - place + self.windows.window - 1].transpose(1, 2)

    def _share(self, x: Tensor) -> tuple[int, int]:
        """How many heads, and how many rows of a window's queries, are computed at once.

        All scores of a block that attends to everything are 12 to 16 times 4096 x 4096: most of an encoder's
        memory, and of its time, because a CPU's cache holds few of them.
        """
        window, limit = self.windows.window, _IN_CACHE
        head = self.windows.across**2 * window**4
        if x.is_cuda:
            head, limit = head * x.shape[0], _ON_GPU
        heads = max(1, min(self.windows.heads, limit // head))
        return heads, max(1, min(window, window * limit // (head * heads)))


class SamEncoder(nn.Module):
    """The encoder half."""

    def __init__(self, image_encoder: nn.Module) -> None:
        super().__init__()
        self.image_encoder = image_encoder

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """``image_embeddings`` (B, 256, 64, 64) of normalised images (B, 3, 1024, 1024)."""
        return (cast(Tensor, self.image_encoder(image)),)


def build(architecture: Architecture, half: Half) -> nn.Module:
    """``half`` of a SAM on torch's meta device: shapes without memory, for a strict load to fill."""
    with torch.device("meta"):
        return SamDecoder() if half is Half.DECODER else SamEncoder(Vit(SIZES[architecture.name]))


def rename(state: Mapping[str, Tensor], half: Half) -> dict[str, Tensor]:
    """The entries of an official ``state`` without the other half's, under the same keys."""
    return {key: value for key, value in state.items() if not key.startswith(_OTHER[half])}
