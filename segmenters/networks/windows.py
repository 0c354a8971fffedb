"""Square windows of a feature map, whose side they need not divide."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Windows:
    """How attention cuts a map of ``side`` x ``side`` cells into windows of ``window`` x ``window``.

    Sizes are numbers here and never read from a tensor, so that an exported graph computes no shapes.
    """

    side: int
    window: int
    channels: int
    heads: int

    @property
    def across(self) -> int:
        """Windows along a side; the last one may reach over the edge."""
        return -(-self.side // self.window)

    def split(self, x: Tensor, qkv: nn.Linear) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of (B, side, side, C): (B * windows, heads, window, window, C / heads).

        ``qkv`` gives the queries of all heads, then the keys, then the values. Below and on the right the map
        is padded with what ``qkv`` makes of zeros, its bias: as the official networks have it, which pad with
        zeros and then project, a sixth more work.
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
