"""The tables of speed and accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from benchmarks.images.accuracy import Accuracy
from benchmarks.images.speed import Speed
from benchmarks.models.tables import judged

Line = tuple[str, ...]


def speed_table(rows: Sequence[Speed]) -> Table:
    """One line for each file and size."""
    headings = "file,MB,size,plain,ours,x plain,x same,HTTP,x fetch + plain,file"
    headings += ",fetch %,decode %,resize %,rest %,goal"
    table = _table("From a file to pixels, ms", headings, left=1)
    table.caption = (
        "CPU time: plain and ours. plain: Pillow decodes and resizes the same bytes in 8 bits; same: in "
        "floats where the size asks for them. Wall time: HTTP and file, all of reading it from there. %: of "
        "HTTP; rest: the way to the process that decodes, and back."
    )
    for row in rows:
        table.add_row(*speed_line(row))
    return table


def speed_line(row: Speed) -> Line:
    """The cells of a row."""
    cpu = {name: f"{cost.cpu * 1000:.0f}" for name, cost in row.costs.items()}
    wall = {name: f"{cost.wall * 1000:.0f}" for name, cost in row.costs.items()}
    return (
        f"{row.megapixels} MP {row.kind}",
        f"{row.megabytes:.1f}",
        row.size,
        cpu["plain"],
        cpu["decode"],
        f"{row.ratio:.2f}",
        f"{row.same_ratio:.2f}",
        wall["http"],
        f"{row.read_ratio:.2f}",
        wall["file"],
        *(f"{share * 100:.0f}" for share in row.shares.values()),
        _goal(row.goal, row.reached),
    )


def accuracy_table(rows: Sequence[Accuracy]) -> Table:
    """One line for each kind and size of pictures; all of the same model."""
    headings = "pictures,asked,px,max,IoU mean,median,least,alike"
    headings += ",noise mean,median,least,truth,full,goal"
    table = _table(f"JPEGs against the same decoded in full, {rows[0].model}", headings, left=1)
    table.caption = (
        "px, max: mean and largest difference, levels of 0..255. IoU: of masks with those of the image "
        "decoded in full; alike: % of them with at least 0.99; noise: IoU when every value of that image is "
        "at most one level off. truth, full: mean IoU with the known things, found in what is decoded here "
        "and in the full image. The goal is one of the mean."
    )
    for row in rows:
        table.add_row(*accuracy_line(row))
    return table


def accuracy_line(row: Accuracy) -> Line:
    """The cells of a row."""
    masks, noise = row.masks, row.noise
    return (
        f"{row.megapixels} MP {row.pictures}",
        str(row.prompts),
        f"{row.pixels.mean:.2f}",
        f"{row.pixels.largest:.1f}",
        *(f"{each:.4f}" for each in (masks.mean, masks.median, masks.least)),
        f"{masks.alike * 100:.0f}",
        *(f"{each:.4f}" for each in (noise.mean, noise.median, noise.least)),
        f"{row.truth:.3f}",
        f"{row.truth_exact:.3f}",
        _goal(row.goal, row.reached),
    )


def _goal(goal: float | None, reached: bool | None) -> str:
    return "" if goal is None else judged(f">= {goal:g}", bool(reached))


def _table(title: str, headings: str, left: int) -> Table:
    table = Table(
        title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for index, heading in enumerate(headings.split(",")):
        table.add_column(heading, justify="left" if index < left else "right")
    return table
