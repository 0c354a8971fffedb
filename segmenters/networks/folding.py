"""Entries of a state folded into their neighbours, so that they are computed once and not for each image.

Sums and products of weights are computed in float64. Where a part is missing or has another shape, the others
stay as they are, and a strict load names them.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

_EPSILON = 1e-5  # of batch normalisation


def fold_batch_norm(state: dict[str, Tensor], layer: str) -> None:
    """``c``, a convolution without bias, and ``bn``, its batch normalisation, become one convolution.

    ``layer``: the beginning of their keys, with its dot; the convolution takes their place.
    """
    weight = state[f"{layer}c.weight"]
    norm = parts(state, f"{layer}bn.", ("weight", "bias", "running_mean", "running_var"), (len(weight),))
    if norm is None:
        return
    scale, shift, mean, variance = norm
    scale = scale / (variance + _EPSILON).sqrt()
    state[f"{layer}weight"] = (weight.double() * scale.reshape(-1, 1, 1, 1)).float()
    state[f"{layer}bias"] = (shift - mean * scale).float()
    drop(state, layer, "c.weight", "bn.num_batches_tracked")
    drop(state, f"{layer}bn.", "weight", "bias", "running_mean", "running_var")


def parts(
    state: Mapping[str, Tensor], layer: str, names: tuple[str, ...], shape: tuple[int, ...]
) -> list[Tensor] | None:
    """The entries in float64, or None unless all are there with this shape."""
    found = [state[layer + name] for name in names if layer + name in state]
    if len(found) < len(names) or any(each.shape != shape for each in found):
        return None
    return [each.double() for each in found]


def drop(state: dict[str, Tensor], layer: str, *names: str) -> None:
    """Without the entries of ``layer`` that have these names."""
    for name in names:
        state.pop(layer + name, None)
