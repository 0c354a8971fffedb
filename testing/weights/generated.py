"""Deterministic values for state-dict entries."""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]

_GOLD = np.uint64(0x9E3779B97F4A7C15)
_TOKENS = ("pos_embed", "no_mem", "no_obj", "maskmem")


def uniform(key: str, n: int) -> NDArray[np.float32]:
    """``n`` float32 values in [-1, 1), decided by ``key`` alone: splitmix64, seeded by SHA-256 of the key."""
    seed = np.uint64(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little"))
    with np.errstate(over="ignore"):
        z = np.arange(1, n + 1, dtype=np.uint64)
        z *= _GOLD
        z += seed
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z ^= z >> np.uint64(shift)
            z *= np.uint64(factor)
        z ^= z >> np.uint64(31)
    z >>= np.uint64(40)
    return (z.astype(np.float32) * np.float32(2.0**-23)) - np.float32(1.0)


def tensor(key: str, shape: tuple[int, ...], salt: str = "") -> Array:
    """The stand-in for the entry ``key``, its name as in the official checkpoint.

    Its scale depends on what the entry is, so that rounding is not amplified through the layers. Another
    ``salt`` gives other weights of the same scale; the golden outputs were made with none.
    """
    leaf = key.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    values = uniform(salt + key, math.prod(shape)).reshape(shape)
    return np.asarray(_scaled(key, leaf, shape, values), np.float32)


def _scaled(key: str, leaf: str, shape: tuple[int, ...], u: NDArray[np.float32]) -> Array:
    if leaf in _AROUND:
        middle, spread = _AROUND[leaf]
        return middle + spread * u
    if leaf.startswith("rel_pos_") or leaf.endswith("_bias"):
        return 0.1 * u
    if leaf == "weight" and len(shape) == 1:  # the scale of a norm
        return _norm_of_branch(key) * (1.0 + 0.2 * u)
    if _is_token(key, leaf):
        return math.sqrt(3.0) * 0.5 * u
    if len(shape) < 2:
        return 0.1 * u
    # Soft attention: rounding noise stays small.
    gain = 0.6 if key.endswith(("q_proj.weight", "k_proj.weight")) else 1.2
    return math.sqrt(3.0 / math.prod(shape[1:])) * gain * u


def _norm_of_branch(key: str) -> float:
    """How large the norm at the end of a branch is: RepViT adds them up, and nothing else bounds the sum."""
    if not key.startswith("image_encoder.trunk.body."):
        return 1.0
    if ".token_mixer." in key:
        return 0.4
    return 0.3 if key.endswith(".conv2.bn.weight") and ".stem." not in key else 1.0


def _is_token(key: str, leaf: str) -> bool:
    named = key.endswith(("_token.weight", "_tokens.weight", "_embed.weight"))
    return named or leaf.startswith(_TOKENS) or "point_embeddings." in key


_AROUND = {
    "running_var": (1.0, 0.5),
    "running_mean": (0.0, 0.2),
    "positional_encoding_gaussian_matrix": (0.0, math.sqrt(3.0)),
    "attention_biases": (0.0, 1.0),
    "bias": (0.0, 0.1),
    "gamma": (0.5, 0.25),
}
