"""What follows the blocks of every image encoder of SAM."""

from __future__ import annotations

from torch import nn

from segmenters.networks.channel_norm import ChannelNorm

EMBEDDING = 256  # channels of an image embedding
GRID = 64  # cells along a side of an image embedding


def neck(channels: int) -> nn.Sequential:
    """(B, ``channels``, 64, 64) -> (B, 256, 64, 64)."""
    return nn.Sequential(
        nn.Conv2d(channels, EMBEDDING, 1, bias=False),
        ChannelNorm(EMBEDDING),
        nn.Conv2d(EMBEDDING, EMBEDDING, 3, padding=1, bias=False),
        ChannelNorm(EMBEDDING),
    )
