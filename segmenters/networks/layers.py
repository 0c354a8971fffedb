"""Layers that several networks share, under the names that SAM's checkpoints give their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

EMBEDDING = 256  # channels of an image embedding
GRID = 64  # cells along a side of an image embedding


class ChannelNorm(nn.LayerNorm):
    """Normalises (B, C, H, W) over its channels, each pixel by itself: segment-anything's ``LayerNorm2d``."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """(B, C, H, W) -> the same shape."""
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def neck(channels: int) -> nn.Sequential:
    """What follows the blocks of SAM's image encoders: (B, ``channels``, 64, 64) -> (B, 256, 64, 64)."""
    return nn.Sequential(
        nn.Conv2d(channels, EMBEDDING, 1, bias=False),
        ChannelNorm(EMBEDDING),
        nn.Conv2d(EMBEDDING, EMBEDDING, 3, padding=1, bias=False),
        ChannelNorm(EMBEDDING),
    )


class Mlp(nn.Module):
    """Two layers, as in the blocks of transformers."""

    def __init__(self, channels: int, hidden: int, activation: nn.Module) -> None:
        super().__init__()
        self.lin1 = nn.Linear(channels, hidden)
        self.lin2 = nn.Linear(hidden, channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels) -> the same shape."""
        return cast(Tensor, self.lin2(self.activation(self.lin1(x))))


class Head(nn.Module):
    """Three layers with ReLU in between, which turn a token into weights or scores."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        widths = (channels, channels, channels, outputs)
        self.layers = nn.ModuleList(nn.Linear(widths[i], widths[i + 1]) for i in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels) -> (..., outputs)."""
        first, second, last = self.layers
        return cast(Tensor, last(functional.relu(second(functional.relu(first(x))))))


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of ``window`` x ``window`` cells, into which attention cuts a map of ``side`` x ``side`` cells.

    Sizes are numbers that are never read from a tensor, so that an exported graph computes no shapes.
    """

    side: int
    window: int
    channels: int
    heads: int

    @property
    def across(self) -> int:
        """Windows along a side. The last one may reach over the edge."""
        return -(-self.side // self.window)

    def split(self, x: Tensor, qkv: nn.Linear) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of (B, side, side, C): (B * windows, heads, window, window, C / heads).

        ``qkv`` gives the queries of all heads, then the keys, then the values. The official networks pad the
        map with zeros below and on the right and then project it, a sixth more work. Here it is projected
        first and padded with the bias, which ``qkv`` makes of zeros.
        """
        missing = self.across * self.window - self.side
        if missing:
            projected = functional.linear(x, qkv.weight)
            projected = functional.pad(projected, (0, 0, 0, missing, 0, missing)) + qkv.bias
        else:
            projected = qkv(x)
        each = self.channels // self.heads
        cells = projected.reshape(-1, self.across, self.window, self.across, self.window, 3, self.heads, each)
        windows = cells.permute(5, 0, 1, 3, 6, 2, 4, 7)
        queries, keys, values = windows.reshape(3, -1, self.heads, self.window, self.window, each).unbind(0)
        return queries, keys, values

    def join(self, x: Tensor) -> Tensor:
        """(B, side, side, C) of (B * windows, heads, window * window, C / heads)."""
        each = self.channels // self.heads
        windows = x.reshape(-1, self.across, self.across, self.heads, self.window, self.window, each)
        padded = self.across * self.window
        rows = windows.permute(0, 1, 4, 2, 5, 3, 6).reshape(-1, padded, padded, self.channels)
        return rows[:, : self.side, : self.side]
