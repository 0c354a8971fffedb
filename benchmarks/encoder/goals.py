"""The goals of encoders on one H200, and whether they are reached."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from benchmarks.encoder.speed import NETWORK, UINT8, Row

# Images per second.
GOALS = {
    "sam_vit_h": 75.0,
    "sam2.1_hiera_large": 200.0,
    "sam2.1_hiera_base_plus": 450.0,
    "sam2.1_hiera_tiny": 800.0,
}
ALIKE = 0.99  # mean IoU at which a speed counts
DEVICE = "H200"

REACHED = "reached"
MISSED = "missed"
NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one model and way. ``row``: the fastest row, of those whose masks are alike if there are
    any.

    ``speed``, ``masks``: REACHED, MISSED or NOT_MEASURED. The goal is reached when both are.
    """

    model: str
    way: str
    goal: float
    row: Row | None
    speed: str
    masks: str


def verdicts(rows: Sequence[Row], device: str, stand_ins: Collection[str]) -> list[Verdict]:
    """Verdicts on the network and on the whole way from uint8 pixels, for every model with a goal.

    ``device``: its name; only an H200 is judged. ``stand_ins``: models with stand-in weights, whose masks are
    not judged; their speed is that of any weights.
    """
    return [
        _verdict(rows, name, way, device, name in stand_ins) for name in GOALS for way in (NETWORK, UINT8)
    ]


def _verdict(rows: Sequence[Row], name: str, way: str, device: str, stands_in: bool) -> Verdict:
    row = _fastest([row for row in rows if row.model == name], way, any_masks=stands_in)
    speed = masks = NOT_MEASURED
    if row is not None and DEVICE in device:
        speed = REACHED if (row.speed(way) or 0) >= GOALS[name] else MISSED
        if not stands_in:
            masks = REACHED if _alike(row) else MISSED
    return Verdict(name, way, GOALS[name], row, speed, masks)


def _fastest(rows: Sequence[Row], way: str, *, any_masks: bool) -> Row | None:
    measured = [row for row in rows if row.speed(way) is not None]
    alike = measured if any_masks else [row for row in measured if _alike(row)]
    return max(alike or measured, key=lambda row: row.speed(way) or 0, default=None)


def _alike(row: Row) -> bool:
    return row.figures is not None and row.figures.masks.mean >= ALIKE
