"""What one click and one image cost: figures of docs/performance.md, on a core of an Intel Xeon with AVX-512.

Your own are printed by `python -m benchmarks.click.stages` and `python -m benchmarks.models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from values.errors import ServiceError

INGRESS_S = 0.005
"""CPU seconds of an ingress replica for a click: its body read, the call of the decoder, its answer."""

HOP_S = 0.001
"""CPU seconds of a decoder replica for a call, beside the decode."""

ANSWER_S = 0.012
"""Seconds of a click on an idle cluster besides the decode: HAProxy, the two hops, JSON."""


@dataclass(frozen=True, slots=True)
class ModelCosts:
    """Of one model. ``decode_s``: CPU seconds that a decode with resampling and the region takes.

    ``read_s``: CPU seconds of a fetcher for a JPEG of 12 megapixels. ``encode_s``: CPU seconds of one image
    without a GPU, None where that was not measured. ``per_h200_s``: images a second on one H200, which are
    aims and were **not** measured; None where there is no aim.
    """

    decode_s: float
    read_s: float
    encode_s: float | None
    per_h200_s: float | None = None


_SAM, _SAM2 = (0.049, 0.060), (0.071, 0.103)

MODELS: Mapping[str, ModelCosts] = {
    "classical": ModelCosts(0.086, 0.060, 0.14),
    "mobile_sam": ModelCosts(*_SAM, 0.97),
    "sam_vit_b": ModelCosts(*_SAM, 8.99),
    "sam_vit_h": ModelCosts(*_SAM, None, 75),
    "sam2.1_hiera_tiny": ModelCosts(*_SAM2, 2.98, 800),
    "sam2.1_hiera_base_plus": ModelCosts(*_SAM2, None, 450),
    "sam2.1_hiera_large": ModelCosts(*_SAM2, None, 200),
}
"""Those for which there are figures."""


class Card(StrEnum):
    """A kind of GPU, or none."""

    NONE = "none"
    H200 = "h200"
    H100 = "h100"
    A100 = "a100"
    L40S = "l40s"
    L4 = "l4"
    A10G = "a10g"


SHARES: Mapping[Card, float] = {
    Card.H200: 1.0,
    Card.H100: 1.0,
    Card.A100: 0.32,
    Card.L40S: 0.37,
    Card.L4: 0.12,
    Card.A10G: 0.07,
}
"""Of an H200's dense bfloat16 arithmetic, by NVIDIA's data sheets: 989, 989, 312, 362, 121 and 70 TFLOPS."""


class NoFigures(ServiceError):
    """There is no figure to plan with; the sentence says what there is."""


def default_model(card: Card) -> str:
    """What `MODEL=auto` would choose where all weights are there."""
    return "mobile_sam" if card is Card.NONE else "sam2.1_hiera_large"


def images_s(model: str, card: Card) -> float:
    """Images a second that one encoder replica encodes: on one GPU, or on one core. Raises NoFigures."""
    costs = MODELS[model]
    if card is Card.NONE:
        if costs.encode_s is None:
            raise NoFigures(_none("without a GPU", model, card))
        return 1 / costs.encode_s
    if costs.per_h200_s is None:
        raise NoFigures(_none(f"on {card}", model, card))
    return costs.per_h200_s * SHARES[card]


def _none(where: str, model: str, card: Card) -> str:
    known = [
        name
        for name, costs in MODELS.items()
        if (costs.encode_s if card is Card.NONE else costs.per_h200_s) is not None
    ]
    other = "name a card by --gpu" if card is Card.NONE else "plan with --gpu none"
    return (
        f"there is no figure for {model} {where}; there are some for {', '.join(known)}. Name one of these by"
        f" --model, or {other}"
    )
