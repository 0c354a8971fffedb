"""The tables: each model beside the others, and each against the one that needs the fewest clicks."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.classical.clicking import GOOD, MOST
from benchmarks.dataset.bootstrap import Interval, interval
from benchmarks.dataset.measure import FIGURES, IOUS, Measured
from benchmarks.encoder.tables import Line, Sheet

CAPTION = (
    "Mean IoU with the annotation after so many clicks, or with its tight box alone; clicks until the IoU "
    f"was first so high, {MOST} where it never was. In brackets: 95 % interval, pictures drawn anew. ms: a "
    "click's mask from the encoded image, and an image's embedding, median and 95th percentile."
)
AGAINST_CAPTION = "Differences on the same things. *: 0 is outside of the 95 % interval."

BY = f"clicks to {max(GOOD):.2f}"
"""The figure that models are ordered by."""


def models_sheet(measured: Sequence[Measured]) -> Sheet:
    """A line for each model, the one with the fewest clicks first."""
    lines: list[Line] = []
    for each in ordered(measured):
        means = (_mean(index, found) for index, found in enumerate(_intervals(each).values()))
        times = (f"{value:.0f}" if value >= 10 else f"{value:.1f}" for value in each.milliseconds().values())
        lines.append((each.name, str(len(each.rows)), *means, *times))
    headings = ("model", "things", *FIGURES, "click ms", "p95", "image ms", "p95")
    return Sheet("Models", headings, lines, 1)


def against_sheet(measured: Sequence[Measured]) -> Sheet:
    """A line for each model but the first: how much better or worse it is."""
    best, *others = ordered(measured)
    of_best = best.figures()
    lines: list[Line] = []
    for each in others:
        pictures = [row.picture for row in each.rows]
        differences = [
            interval([here - there for here, there in zip(values, of_best[name], strict=True)], pictures)
            for name, values in each.figures().items()
        ]
        cells = (_difference(index, found) for index, found in enumerate(differences))
        lines.append((each.name, *cells))
    return Sheet(f"Against {best.name}", ("model", *FIGURES), lines, 1)


def ordered(measured: Sequence[Measured]) -> list[Measured]:
    """The one that needs the fewest clicks first."""
    return sorted(measured, key=lambda each: _intervals(each)[BY].mean)


def as_json(measured: Sequence[Measured]) -> list[dict[str, object]]:
    """The figures as plain values."""
    return [
        {
            "model": each.name,
            "version": each.version,
            "things": len(each.rows),
            "figures": {name: found._asdict() for name, found in _intervals(each).items()},
            "milliseconds": each.milliseconds(),
            "rows": [
                {
                    "picture": row.picture,
                    "thing": row.thing,
                    **{name: figure(row.session) for name, figure in FIGURES.items()},
                }
                for row in each.rows
            ],
        }
        for each in ordered(measured)
    ]


def _intervals(measured: Measured) -> dict[str, Interval]:
    pictures = [row.picture for row in measured.rows]
    return {name: interval(values, pictures) for name, values in measured.figures().items()}


def _mean(index: int, found: Interval) -> str:
    low, high = found.low, found.high
    around = "" if low is None or high is None else f" ({_short(index, low)}-{_short(index, high)})"
    return _number(index, found.mean) + around


def _difference(index: int, found: Interval) -> str:
    sign = "+" if found.mean > 0 else ""
    return f"{sign}{_number(index, found.mean)}{'*' if found.is_apart else ''}"


def _short(index: int, value: float) -> str:
    """One end of an interval, of IoUs without the zero in front."""
    return f"{value:.2f}".removeprefix("0") if index < IOUS else f"{value:.1f}"


def _number(index: int, value: float) -> str:
    """IoUs with three digits, clicks with one."""
    return f"{value:.3f}" if index < IOUS else f"{value:.1f}"
