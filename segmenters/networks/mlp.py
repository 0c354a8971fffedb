"""Perceptrons, under the names that checkpoints of SAM give their layers."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional


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
    """Three layers with ReLU in between, which read a token."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        widths = (channels, channels, channels, outputs)
        self.layers = nn.ModuleList(nn.Linear(widths[i], widths[i + 1]) for i in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels) -> (..., outputs)."""
        first, second, last = self.layers
        return cast(Tensor, last(functional.relu(second(functional.relu(first(x))))))
