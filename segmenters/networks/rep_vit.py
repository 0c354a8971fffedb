"""EdgeTAM's trunk: RepViT-M1 (arXiv 2307.09283), a network of convolutions in the order of a transformer.

It is trained with branches beside each other, which are one convolution each when it serves. Its parameters
have the names of timm, but for those that ``segmenters.networks.edgetam`` folds.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn.functional import gelu, relu

WIDTHS = (48, 96, 192, 384)
"""Channels of the stages."""

_DEPTHS = (2, 2, 14, 2)
_LEAST_SQUEEZED = 16  # channels between the two layers of a gate


class RepVit(nn.Module):
    """Images to the maps of four stages."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem(WIDTHS[0])
        before = (None, *WIDTHS[:-1])
        self.stages = nn.ModuleList(map(Stage, before, WIDTHS, _DEPTHS))

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> (B, ``WIDTHS[i]``, H / 4 / 2**i, W / 4 / 2**i) for each stage i."""
        x, found = self.stem(image), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class Stem(nn.Module):
    """Two convolutions that each halve the image."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels // 2, 3, 2, 1)
        self.conv2 = nn.Conv2d(channels // 2, channels, 3, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, H / 4, W / 4)."""
        return cast(Tensor, self.conv2(gelu(self.conv1(image))))


class Stage(nn.Module):
    """The way to a stage, unless it is the first, and its blocks: every other one has a gate."""

    def __init__(self, before: int | None, channels: int, depth: int) -> None:
        super().__init__()
        self.downsample = None if before is None else Downsample(before, channels)
        self.blocks = nn.Sequential(*(Block(channels, gated=index % 2 == 0) for index in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        return cast(Tensor, self.blocks(x if self.downsample is None else self.downsample(x)))


class Block(nn.Module):
    """A convolution of each channel by itself, a gate, and one across the channels of each pixel."""

    def __init__(self, channels: int, *, gated: bool) -> None:
        super().__init__()
        self.token_mixer = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels)
        self.se = Gate(channels) if gated else None
        self.channel_mixer = Mlp(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        x = self.token_mixer(x)
        if self.se is not None:
            x = self.se(x)
        return x + cast(Tensor, self.channel_mixer(x))


class Downsample(nn.Module):
    """To a map half as large with more channels."""

    def __init__(self, channels: int, wider: int) -> None:
        super().__init__()
        self.pre_block = Block(channels, gated=False)
        self.spatial_downsample = nn.Conv2d(channels, channels, 3, 2, 1, groups=channels)
        self.channel_downsample = nn.Conv2d(channels, wider, 1)
        self.ffn = Mlp(wider)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / 2, W / 2)."""
        x = self.channel_downsample(self.spatial_downsample(self.pre_block(x)))
        return x + cast(Tensor, self.ffn(x))


class Mlp(nn.Module):
    """Twice as many channels and back, each pixel by itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 2 * channels, 1)
        self.conv2 = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape, without the input."""
        return cast(Tensor, self.conv2(gelu(self.conv1(x))))


class Gate(nn.Module):
    """Weighs each channel by what the whole map has of all: squeeze and excitation (arXiv 1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(_LEAST_SQUEEZED, channels // 4)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        return x * cast(Tensor, self.fc2(relu(self.fc1(x.mean((2, 3), keepdim=True))))).sigmoid()
