"""MobileSAM's image encoder.

TinyViT (arXiv 2207.10666) in the size and with the neck of MobileSAM (arXiv 2306.14289). Its parameters have
the official names, but for those that ``segmenters.networks.mobile_sam`` folds.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, scaled_dot_product_attention

from segmenters.networks.layers import Windows, neck

_EACH = 32  # channels of a head


class TinyViT(nn.Module):
    """Images to image embeddings."""

    def __init__(self) -> None:
        super().__init__()
        first = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.GELU(), nn.Conv2d(32, 64, 3, 2, 1))
        self.patch_embed = nn.ModuleDict({"seq": first})
        self.layers = nn.ModuleList(
            [
                Layer([Convolutions(64) for _ in range(2)], Merging(64, 128, 2)),
                Layer([Block(128, 128, 7) for _ in range(2)], Merging(128, 160, 2)),
                Layer([Block(160, 64, 14) for _ in range(6)], Merging(160, 320, 1)),
                Layer([Block(320, 64, 7) for _ in range(2)], None),
            ]
        )
        self.neck = neck(320)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, 1024, 1024) -> (B, 256, 64, 64)."""
        return self.early_and_embedding(image)[1]

    def early_and_embedding(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The map of the first half of the layers, (B, 160, 64, 64), and the embedding."""
        first, second, third, last = self.layers
        early = second(first(self.patch_embed["seq"](image)))
        return early, self.neck(last(third(early)))


class Layer(nn.Module):
    """Blocks of one size, and the way to the next."""

    def __init__(self, blocks: list[nn.Module], downsample: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        x = self.blocks(x)
        return x if self.downsample is None else cast(Tensor, self.downsample(x))


class Convolutions(nn.Module):
    """Four times as many channels, each convolved by itself, and back; added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = 4 * channels
        self.conv1 = nn.Conv2d(channels, inner, 1)
        self.conv2 = nn.Conv2d(inner, inner, 3, 1, 1, groups=inner)
        self.conv3 = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        return gelu(x + self.conv3(gelu(self.conv2(gelu(self.conv1(x))))))


class Merging(nn.Module):
    """More channels, and with ``stride`` 2 a map half as large."""

    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wider, 1)
        self.conv2 = nn.Conv2d(wider, wider, 3, stride, 1, groups=wider)
        self.conv3 = nn.Conv2d(wider, wider, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        return cast(Tensor, self.conv3(gelu(self.conv2(gelu(self.conv1(x))))))


class Block(nn.Module):
    """Attention within windows, a convolution of each channel by itself, a perceptron."""

    def __init__(self, channels: int, side: int, window: int) -> None:
        super().__init__()
        self.attn = Attention(Windows(side, window, channels, channels // _EACH))
        self.local_conv = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels)
        self.mlp = Mlp(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, side, side) -> the same shape."""
        x = x + self.attn(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = self.local_conv(x)
        mixed: Tensor = self.mlp(x.permute(0, 2, 3, 1))
        return x + mixed.permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Attention within windows, with a learnt number for each distance between two cells."""

    IN_PRODUCTS = ("biases",)
    biases: Tensor

    def __init__(self, windows: Windows) -> None:
        super().__init__()
        self.windows = windows
        self.qkv = nn.Linear(windows.channels, 3 * windows.channels)
        self.proj = nn.Linear(windows.channels, windows.channels)
        self.register_buffer("biases", torch.zeros(windows.heads, windows.window**2, windows.window**2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, side, side, C) -> the same shape, without the input."""
        normal = layer_norm(x, (self.windows.channels,))
        queries, keys, values = (each.flatten(2, 3) for each in self.windows.split(normal, self.qkv))
        found = scaled_dot_product_attention(queries, keys, values, attn_mask=self.biases)
        return cast(Tensor, self.proj(self.windows.join(found)))


class Mlp(nn.Module):
    """A perceptron of two layers, normalised before."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> the same shape, without the input."""
        return cast(Tensor, self.fc2(gelu(self.fc1(self.norm(x)))))
