"""MobileSAM's two halves as torch modules: TinyViT, with its weights folded, and the decoder of SAM.

Batch normalisations and attention biases are computed once, not for each image
(``segmenters.networks.folding``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segmenters.architectures import Architecture
from segmenters.networks import sam
from segmenters.networks.folding import drop, fold_batch_norm, parts
from segmenters.networks.tiny_vit import TinyViT
from segmenters.runtimes.session import Half

# Entries of the classifier that TinyViT was distilled as.
_UNUSED = tuple(
    f"image_encoder.{part}.{leaf}" for part in ("head", "norm_head") for leaf in ("weight", "bias")
)

_EACH = 32  # channels of a head


def build(architecture: Architecture, half: Half) -> nn.Module:
    """``half`` of MobileSAM on torch's meta device: shapes without memory, for a strict load to fill."""
    if half is Half.DECODER:
        return sam.build(architecture, half)
    with torch.device("meta"):
        return sam.SamEncoder(TinyViT())


def rename(state: Mapping[str, Tensor], half: Half) -> dict[str, Tensor]:
    """The entries of an official ``state`` without the other half's and the classifier's.

    The decoder keeps its keys. The encoder's become those of ``segmenters.networks.tiny_vit.TinyViT``.
    """
    own = sam.rename(state, half)
    if half is Half.DECODER:
        return own
    return folded({key: value for key, value in own.items() if key not in _UNUSED})


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``state`` with batch normalisations, attention biases and attention's own normalisations folded."""
    found = dict(state)
    for key in state:
        if key.endswith(".c.weight"):
            fold_batch_norm(found, key.removesuffix("c.weight"))
        elif key.endswith(".attention_biases"):
            _spread_biases(found, key.removesuffix("attention_biases"))
        elif key.endswith(".qkv.weight"):
            _fold_projection(found, key.removesuffix("qkv.weight"))
    return found


def _spread_biases(state: dict[str, Tensor], layer: str) -> None:
    """One number for each distance in rows and columns becomes one for each pair of a window's cells.

    They are stored row by row of the distances: |rows| * window + |columns|.
    """
    stored = state[f"{layer}attention_biases"]
    window = math.isqrt(stored.shape[-1])
    if stored.dim() != 2 or window**2 != stored.shape[1]:
        return
    place = torch.arange(window**2)
    rows, columns = place // window, place % window
    apart = (rows[:, None] - rows).abs() * window + (columns[:, None] - columns).abs()
    state[f"{layer}biases"] = stored[:, apart]
    drop(state, layer, "attention_biases")


def _fold_projection(state: dict[str, Tensor], layer: str) -> None:
    """The scale and shift of a normalisation become part of the projection after it.

    Its outputs, stored as query, key and value of each head in turn, are put in the order of all queries, all
    keys, all values.
    """
    weight = state[f"{layer}qkv.weight"]
    if weight.dim() != 2 or weight.shape[0] != 3 * weight.shape[1] or weight.shape[1] % _EACH:
        return
    channels = weight.shape[1]
    norm = parts(state, f"{layer}norm.", ("weight", "bias"), (channels,))
    bias = parts(state, f"{layer}qkv.", ("bias",), (3 * channels,))
    if norm is None or bias is None:
        return
    scale, shift = norm
    matrix = weight.double()
    order = torch.arange(3 * channels).reshape(-1, 3, _EACH).transpose(0, 1).flatten()
    state[f"{layer}qkv.weight"] = (matrix * scale)[order].float()
    state[f"{layer}qkv.bias"] = (bias[0] + matrix @ shift)[order].float()
    drop(state, f"{layer}norm.", "weight", "bias")
