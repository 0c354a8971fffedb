"""The tables of the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table

from benchmarks.models.tables import judged
from benchmarks.peer.rows import Row
from benchmarks.peer.trees import Tree

_HEADINGS = "clicks,side,n,p50 ms,p95,p99,clicks/s,errors,wrong,ratio,goal"


def latency_table(rows: Sequence[Row]) -> Table:
    """One annotator, two lines for each row."""
    table = _table("One annotator, both sides in turn", _HEADINGS)
    table.caption = "ratio: of p50. wrong: another mask than the same side gave this click when it was alone."
    return _filled(table, rows)


def crowd_table(rows: Sequence[Row], megapixels: int, seconds: float) -> Table:
    """Many annotators, two lines for each row."""
    title = f"Annotators on {megapixels} MP, each on an own image, twice {seconds:g} s for each side in turn"
    table = _table(title, _HEADINGS)
    table.caption = (
        "Every image was clicked before: ours has it, the peer holds one image. ratio: of clicks/s, which "
        "with pauses is at most what the annotators click."
    )
    return _filled(table, rows)


def memory_table(sides: Mapping[str, Tree]) -> Table:
    """Peak memory of each side."""
    table = _table("Memory", "side,processes,MiB now,MiB at most")
    for name, each in sides.items():
        table.add_row(name, str(each.processes), f"{each.now:.0f}", f"{each.peak:.0f}")
    table.caption = (
        "now: what processes share is counted once. at most: the sum of their peaks, shared or not."
    )
    return table


def errors(rows: Sequence[Row]) -> list[str]:
    """A line for each kind of error, as the sides themselves name it."""
    said = [f"{side}: {each.said}" for row in rows for side, each in (("peer", row.peer), ("ours", row.ours))]
    return [line.strip() for line in dict.fromkeys(said) if not line.endswith(": ")]


def lines(row: Row) -> list[tuple[str, ...]]:
    """The cells of both sides, the peer's first."""
    found = []
    for side, each in (("peer", row.peer), ("ours", row.ours)):
        ours = side == "ours"
        goal = "" if row.goal is None else judged(f">= {row.goal:g}", bool(row.reached))
        found.append(
            (
                "" if ours else row.name,
                side,
                str(each.clicks),
                *(
                    f"{1000 * seconds:.0f}"
                    for seconds in (each.latency.p50, each.latency.p95, each.latency.p99)
                ),
                f"{each.rate:.2f}",
                str(each.errors),
                str(each.wrong),
                f"{row.ratio:.1f}" if ours else "",
                goal if ours else "",
            )
        )
    return found


def _filled(table: Table, rows: Sequence[Row]) -> Table:
    for row in rows:
        for line in lines(row):
            table.add_row(*line)
        table.add_section()
    return table


def _table(title: str, headings: str) -> Table:
    table = Table(
        title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for index, heading in enumerate(headings.split(",")):
        table.add_column(heading, justify="left" if index < 2 and heading in ("clicks", "side") else "right")
    return table
