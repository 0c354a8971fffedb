"""Stand-in weights whose masks are as even as those of trained ones."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from testing.weights import checkpoints

# Found by trying: masks of most clicks then cover between a hundredth and a half of the picture.
_LIGHTER = 0.3

_DECODER = "mask_decoder"
_MASKS = 4
_LAYERS = 3


def write(model: str, path: Path) -> Path:
    """A checkpoint of ``model``, of SAM or MobileSAM, whose masks are even; see ``evened``."""
    torch.save(evened(checkpoints.state_dict(model)), path)
    return path


def evened(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights but for the last steps of the mask decoder, which cost as much as before.

    With stand-ins as they are, the edge of a mask crosses every row of the picture more than a hundred times.
    The SDK's RLE, which goes from run to run in Python, would then take ten times as long as it really does.
    So the kernels that enlarge the mask are the same at all of their places. All four masks are the first, so
    that both sides answer with the same one, whichever they choose.
    """
    found = dict(weights)
    for step in (0, 3):
        kernel = found[f"{_DECODER}.output_upscaling.{step}.weight"]
        # Twice the mean of four has about their spread.
        found[f"{_DECODER}.output_upscaling.{step}.weight"] = _alike(
            2 * kernel.mean((2, 3), keepdim=True), kernel
        )
    tokens = found[f"{_DECODER}.mask_tokens.weight"]
    found[f"{_DECODER}.mask_tokens.weight"] = _alike(tokens[:1], tokens)
    for mask in range(_MASKS):
        for layer in range(_LAYERS):
            for leaf in ("weight", "bias"):
                first = weights[_hyper(0, layer, leaf)]
                lighter = _LIGHTER if (layer, leaf) == (_LAYERS - 1, "bias") else 0.0
                found[_hyper(mask, layer, leaf)] = first + lighter
    return found


def _hyper(mask: int, layer: int, leaf: str) -> str:
    return f"{_DECODER}.output_hypernetworks_mlps.{mask}.layers.{layer}.{leaf}"


def _alike(part: Tensor, whole: Tensor) -> Tensor:
    return part.expand_as(whole).contiguous()
