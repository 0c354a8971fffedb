"""MobileSAM's two halves as torch modules: TinyViT, with its weights folded, and the decoder of SAM.

Batch normalisations and attention biases are computed once, not for each image. Sums and products of weights
are computed in float64. Where a part is missing or has another shape, the others stay as they are, and a
strict load names them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segmenters.architectures import Architecture
from segmenters.networks import sam
from segmenters.networks.tiny_vit import TinyViT
from segmenters.runtimes.session import Half

# Entries of the classifier that TinyViT was distilled as.
_UNUSED = tuple(
    f"image_encoder.{part}.{leaf}" for part in ("head", "norm_head") for leaf in ("weight", "bias")
)

_EPSILON = 1e-5  # of batch normalisation
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
            _fold_batch_norm(found, key.removesuffix("c.weight"))
        elif key.endswith(".attention_biases"):
            _spread_biases(found, key.removesuffix("attention_biases"))
        elif key.endswith(".qkv.weight"):
            _fold_projection(found, key.removesuffix("qkv.weight"))
    return found


def _fold_batch_norm(state: dict[str, Tensor], layer: str) -> None:
    """A convolution without bias and its batch normalisation become one convolution."""
    weight = state[f"{layer}c.weight"]
    norm = _parts(state, f"{layer}bn.", ("weight", "bias", "running_mean", "running_var"), (len(weight),))
    if norm is None:
        return
    scale, shift, mean, variance = norm
    scale = scale / (variance + _EPSILON).sqrt()
    state[f"{layer}weight"] = (weight.double() * scale.reshape(-1, 1, 1, 1)).float()
    state[f"{layer}bias"] = (shift - mean * scale).float()
    _drop(state, layer, "c.weight", "bn.num_batches_tracked")
    _drop(state, f"{layer}bn.", "weight", "bias", "running_mean", "running_var")


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
    _drop(state, layer, "attention_biases")


def _fold_projection(state: dict[str, Tensor], layer: str) -> None:
    """The scale and shift of a normalisation become part of the projection after it.

    Its outputs, stored as query, key and value of each head in turn, are put in the order of all queries, all
    keys, all values.
    """
    weight = state[f"{layer}qkv.weight"]
    if weight.dim() != 2 or weight.shape[0] != 3 * weight.shape[1] or weight.shape[1] % _EACH:
        return
    channels = weight.shape[1]
    norm = _parts(state, f"{layer}norm.", ("weight", "bias"), (channels,))
    bias = _parts(state, f"{layer}qkv.", ("bias",), (3 * channels,))
    if norm is None or bias is None:
        return
    scale, shift = norm
    matrix = weight.double()
    order = torch.arange(3 * channels).reshape(-1, 3, _EACH).transpose(0, 1).flatten()
    state[f"{layer}qkv.weight"] = (matrix * scale)[order].float()
    state[f"{layer}qkv.bias"] = (bias[0] + matrix @ shift)[order].float()
    _drop(state, f"{layer}norm.", "weight", "bias")


def _parts(
    state: Mapping[str, Tensor], layer: str, names: tuple[str, ...], shape: tuple[int, ...]
) -> list[Tensor] | None:
    """The entries in float64, or None unless all are there with this shape."""
    found = [state[layer + name] for name in names if layer + name in state]
    if len(found) < len(names) or any(each.shape != shape for each in found):
        return None
    return [each.double() for each in found]


def _drop(state: dict[str, Tensor], layer: str, *names: str) -> None:
    for name in names:
        state.pop(layer + name, None)
