"""The tables: how good answers are, by set and by kind, what further clicks do, and each thing."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from benchmarks.classical.clicking import GOOD, MOST
from benchmarks.classical.measure import Row
from benchmarks.encoder.tables import Line, Sheet

COUNTS = (1, 3, 5)
LOWERED = (0.05, 0.2)
UNFOUND = 0.5

ANSWERS = ("1 click", "3 clicks", "5 clicks", "box", *(f"clicks to {iou:.2f}" for iou in GOOD))
CAPTION = (
    "IoU with the thing after so many clicks, or with its tight box alone; clicks until the IoU was first so "
    f"high, {MOST} where it never was. worst: least IoU, most clicks; worst tenth: 10th percentile of the "
    "IoU, 90th of clicks."
)
STEPS_CAPTION = (
    "clicks: all after the first of each thing; lowered: of these, such that the IoU fell by more. "
    "ms: CPU, one core. score: correlation of the segmenter's own estimate with the IoU."
)

Item = TypeVar("Item")
Column = Callable[[Row], float]


def _after(clicks: int, row: Row) -> float:
    return row.session.after(clicks)


def _box(row: Row) -> float:
    return row.session.box


def _clicks_to(iou: float, row: Row) -> float:
    return row.session.clicks_to(iou)


_COLUMNS: tuple[Column, ...] = (
    *(partial(_after, count) for count in COUNTS),
    _box,
    *(partial(_clicks_to, iou) for iou in GOOD),
)
_IOUS = len(COUNTS) + 1  # of the columns; the others count clicks


def answers_sheet(rows: Sequence[Row]) -> Sheet:
    """Four lines for the generated pictures of each set, and for its photographs."""
    lines: list[Line] = []
    for chosen in _in_order(row.thing.chosen for row in rows):
        for photographed, pictures in ((False, "generated"), (True, "photographs")):
            group = [
                row for row in rows if row.thing.chosen == chosen and row.thing.photographed is photographed
            ]
            lines += _statistics((chosen, pictures, str(len(group))), group) if group else []
    return Sheet("Answers", ("set", "pictures", "things", "", *ANSWERS), lines, 2)


def _statistics(head: Line, rows: Sequence[Row]) -> list[Line]:
    columns = [[column(row) for row in rows] for column in _COLUMNS]
    # Of clicks more are worse.
    worse = [0 if index < _IOUS else 100 for index in range(len(columns))]
    found: dict[str, Sequence[float]] = {
        "mean": [statistics.fmean(column) for column in columns],
        "median": [statistics.median(column) for column in columns],
        "worst": [float(np.percentile(column, end)) for column, end in zip(columns, worse, strict=True)],
        "worst tenth": [
            float(np.percentile(column, abs(end - 10))) for column, end in zip(columns, worse, strict=True)
        ],
    }
    return [(*head, name, *_cells(values)) for name, values in found.items()]


def _cells(values: Sequence[float]) -> Line:
    return tuple(f"{each:.3f}" if index < _IOUS else f"{each:.1f}" for index, each in enumerate(values))


def kinds_sheet(rows: Sequence[Row]) -> Sheet:
    """A line for each kind of each set."""
    lines = []
    for chosen, kind in _in_order((row.thing.chosen, row.thing.kind) for row in rows):
        group = [row for row in rows if (row.thing.chosen, row.thing.kind) == (chosen, kind)]
        first, third = ([row.session.after(count) for row in group] for count in (1, 3))
        box = [row.session.box for row in group]
        unfound = sum(iou < UNFOUND for iou in first)
        figures = statistics.fmean(first), min(first), statistics.fmean(third), statistics.fmean(box)
        lines.append((chosen, kind, str(len(group)), *(f"{each:.3f}" for each in figures), str(unfound)))
    headings = ("1 click", "least", "3 clicks", "box", f"1 click under {UNFOUND:g}")
    return Sheet("By kind", ("set", "kind", "things", *headings), lines, 2)


def steps_sheet(rows: Sequence[Row]) -> Sheet:
    """A line for each set: what clicks after the first do, and what they take."""
    lines = []
    for chosen in _in_order(row.thing.chosen for row in rows):
        group = [row for row in rows if row.thing.chosen == chosen]
        steps = [step for row in group for step in row.session.steps()]
        decodes = [each for row in group for each in row.session.decodes]
        lowered = [
            f"{100 * np.mean([step < -by for step in steps]):.1f} %" if steps else "-" for by in LOWERED
        ]
        times = (
            np.median(decodes),
            np.percentile(decodes, 95),
            np.median([each.session.encode for each in group]),
        )
        scores = f"{correlation(group):.2f}"
        lines.append((chosen, str(len(steps)), *lowered, *(f"{each:.1f}" for each in times), scores))
    headings = (
        *(f"lowered by {by:g}" for by in LOWERED),
        "decode ms",
        "95th percentile",
        "encode ms",
        "score",
    )
    return Sheet("Further clicks", ("set", "clicks", *headings), lines, 1)


def correlation(rows: Sequence[Row]) -> float:
    """Of scores and IoUs of all answers; 0 where one of them never changes."""
    scores = [score for row in rows for score in row.session.scores]
    ious = [iou for row in rows for iou in (*row.session.ious, row.session.box)]
    if min(np.std(scores), np.std(ious)) < 1e-9:
        return 0.0
    return float(np.corrcoef(scores, ious)[0, 1])


def each_sheet(rows: Sequence[Row]) -> Sheet:
    """A line for each thing."""
    lines = []
    for row in rows:
        cells = _cells([column(row) for column in _COLUMNS])
        lines.append((row.thing.chosen, row.name, f"{100 * row.share:.0f} %", *cells))
    return Sheet("Each thing", ("set", "thing", "side", *ANSWERS), lines, 2)


def _in_order(values: Iterable[Item]) -> list[Item]:
    """Without repetitions, in the order of their first."""
    return list(dict.fromkeys(values))
