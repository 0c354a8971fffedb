"""The tables, for a terminal and as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.markup import escape
from rich.table import Table

from benchmarks.encoder.goals import ALIKE, MISSED, REACHED, Verdict
from benchmarks.encoder.speed import WAYS, Row

Line = tuple[str, ...]

CAPTION = (
    "network: from tensors on the device to tensors on the device. uint8, float32: from such pixels to "
    "arrays, both in the host's memory; SAM 2 gets float32 in the application. GiB: held of the GPU at most. "
    "start: the first call, compiling included. IoU: of masks with those of float32 without TF32."
)
STAND_IN_CAPTION = "Stand-in weights find nothing in an image: their IoU says little about real ones."
GOALS_CAPTION = f"On one H200, with a mean IoU of at least {ALIKE:g}; the fastest setting of each."

_COLORS = {REACHED: "green", MISSED: "red"}
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table before it is drawn. ``left``: how many columns from the left are words."""

    title: str
    headings: Line
    lines: list[Line]
    left: int


def speed_sheet(model: str, weights: str, rows: Iterable[Row]) -> Sheet:
    """One line for each setting of a model. ``weights``: what kind they are."""
    headings = ["dtype", "compile", "batch"]
    for way in WAYS:
        headings += [f"{way} img/s", "ms/img"]
    headings += ["GiB", "start s", "IoU mean", "IoU min", ""]
    return Sheet(f"{model}, {weights} weights", tuple(headings), [speed_line(row) for row in rows], 2)


def speed_line(row: Row) -> Line:
    """The cells of a row."""
    setting, figures = row.setting, row.figures
    cells = [str(setting.dtype), str(setting.compiling), str(setting.batch)]
    for way in WAYS:
        speed = row.speed(way)
        cells += [_NONE, _NONE] if speed is None else [f"{speed:.{_digits(speed)}f}", f"{1000 / speed:.2f}"]
    if figures is None:
        return (*cells, _NONE, _NONE, _NONE, _NONE, row.failure)
    memory = _NONE if figures.memory is None else f"{figures.memory:.1f}"
    masks = figures.masks
    return (*cells, memory, f"{figures.start:.1f}", f"{masks.mean:.4f}", f"{masks.least:.4f}", "")


def goals_sheet(verdicts: Iterable[Verdict]) -> Sheet:
    """One line for each goal and way."""
    headings = ("model", "way", "goal img/s", "img/s", "in", "IoU mean", "speed", "masks")
    return Sheet("Goals", headings, [goal_line(verdict) for verdict in verdicts], 2)


def goal_line(verdict: Verdict) -> Line:
    """The cells of a verdict."""
    row = verdict.row
    speed = None if row is None else row.speed(verdict.way)
    shown = (_NONE, _NONE, _NONE)
    if row is not None and row.figures is not None and speed is not None:
        shown = (f"{speed:.{_digits(speed)}f}", str(row.setting), f"{row.figures.masks.mean:.4f}")
    return verdict.model, verdict.way, f"{verdict.goal:g}", *shown, verdict.speed, verdict.masks


def drawn(sheet: Sheet, captions: Sequence[str]) -> Table:
    """For a terminal."""
    table = Table(
        title=sheet.title,
        title_justify="left",
        caption=" ".join(captions),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for index, heading in enumerate(sheet.headings):
        table.add_column(heading, justify="left" if index < sheet.left else "right")
    for line in sheet.lines:
        table.add_row(*(_colored(cell) for cell in line))
    return table


def markdown(sheet: Sheet, captions: Sequence[str]) -> str:
    """For a page of documentation."""
    rule = ["---" if index < sheet.left else "--:" for index in range(len(sheet.headings))]
    lines = [sheet.headings, rule, *sheet.lines]
    table = "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )
    return "\n\n".join([f"### {sheet.title}", table, *captions]) + "\n"


def _digits(speed: float) -> int:
    return 2 if speed < 10 else 1 if speed < 100 else 0


def _colored(cell: str) -> str:
    color = _COLORS.get(cell)
    return f"[{color}]{cell}[/]" if color else escape(cell)
