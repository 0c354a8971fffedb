"""The image encoder of SAM 2: Hiera, and the feature pyramid behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.sam2.configuration_sam2 import Sam2HieraDetConfig
from transformers.models.sam2.modeling_sam2 import Sam2HieraDetModel, Sam2MultiScaleAttention

from segmenters.architectures import SIDE
from segmenters.networks.feature_pyramid import PyramidEncoder

_PATCHES = SIDE // 4  # along a side, at the first stage


@dataclass(frozen=True, slots=True)
class Size:
    """What the sizes of Hiera differ in: the published configs of sam2 1.1.0, the same for 2.0 and 2.1.

    ``channels`` and ``heads`` are the first stage's; each stage has twice as many as the last. ``windows``:
    side of the attention windows by stage; ``everywhere``: blocks that attend to the whole image instead.
    ``background``: side of the coarse position embedding.
    """

    channels: int
    heads: int
    blocks: tuple[int, int, int, int]
    everywhere: tuple[int, ...]
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    background: int = 7

    @property
    def widths(self) -> list[int]:
        """Channels of the four stages."""
        return [self.channels << stage for stage in range(4)]

    def config(self) -> Sam2HieraDetConfig:
        """As transformers wants it, with its fused attention."""
        config = Sam2HieraDetConfig(
            hidden_size=self.channels,
            num_attention_heads=self.heads,
            window_positional_embedding_background_size=[self.background] * 2,
            blocks_per_stage=list(self.blocks),
            embed_dim_per_stage=self.widths,
            num_attention_heads_per_stage=[self.heads << stage for stage in range(4)],
            window_size_per_stage=list(self.windows),
            global_attention_blocks=list(self.everywhere),
        )
        config._attn_implementation = "sdpa"
        return config


SIZES = {
    "tiny": Size(96, 1, (1, 2, 7, 2), (5, 7, 9)),
    "small": Size(96, 1, (1, 2, 11, 2), (7, 10, 13)),
    "base_plus": Size(112, 2, (2, 3, 16, 3), (12, 16, 20), background=14),
    "large": Size(144, 2, (2, 6, 36, 4), (23, 33, 43), windows=(8, 4, 16, 8)),
}


class Attention(Sam2MultiScaleAttention):
    """Attention within windows, without the scores that transformers 5.23 also computes and throws away."""

    @classmethod
    def like(cls, other: Sam2MultiScaleAttention) -> Attention:
        """The same layer with other weights."""
        return cls(other.config, other.dim, other.dim_out, other.num_attention_heads, other.query_stride)

    def forward(self, hidden_states: Tensor, **_: Any) -> Tensor:
        """(B, H, W, C) -> (B, H', W', C'), half as large where the stage begins."""
        batch, height, width, _channels = hidden_states.shape
        qkv = self.qkv(hidden_states).reshape(batch, height * width, 3, self.num_attention_heads, -1)
        query, key, value = qkv.unbind(2)
        if self.query_stride:
            query = query.reshape(batch, height, width, -1).permute(0, 3, 1, 2)
            query = functional.max_pool2d(query, self.query_stride, self.query_stride)
            height, width = query.shape[2:]
            query = query.permute(0, 2, 3, 1).reshape(batch, height * width, self.num_attention_heads, -1)
        found = functional.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        )
        mixed: Tensor = self.proj(found.transpose(1, 2).reshape(batch, height, width, -1))
        return mixed


class Sam2Encoder(PyramidEncoder):
    """The encoder half."""

    def __init__(self, size: Size) -> None:
        super().__init__(size.widths)
        self.trunk = Sam2HieraDetModel(size.config())
        for block in self.trunk.blocks:
            block.attn = Attention.like(cast(Sam2MultiScaleAttention, block.attn))
        del self.trunk.pos_embed, self.trunk.pos_embed_window
        self.positions = nn.Parameter(torch.zeros(_PATCHES, _PATCHES, size.channels))

    def stages(self, image: Tensor) -> list[Tensor]:
        """The trunk's maps."""
        x = self.trunk.patch_embed(image) + self.positions
        found = []
        for index, block in enumerate(self.trunk.blocks):
            x = block(x)
            if index in self.trunk.stage_ends:
                found.append(x.permute(0, 3, 1, 2))
        return found


def positions(coarse: Tensor, window: Tensor) -> Tensor:
    """(256, 256, C): where each patch is, from what a checkpoint has of it.

    ``coarse``: (1, C, 7, 7) or (1, C, 14, 14), of the whole image. ``window``: (1, C, 8, 8), of a window,
    repeated. Computed once, because it does not depend on the image; runtimes take minutes to find out.
    """
    whole = functional.interpolate(coarse, size=(_PATCHES, _PATCHES), mode="bicubic")
    repeats = _PATCHES // window.shape[-1]
    return (whole + window.repeat(1, 1, repeats, repeats))[0].permute(1, 2, 0).contiguous()
