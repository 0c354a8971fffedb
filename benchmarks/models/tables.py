"""The tables of the halves, of a whole click and of a decoder replica."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from benchmarks.click.warm import GOAL, SIZE, WarmClick
from benchmarks.models.fresh_decoder import FreshDecoder
from benchmarks.models.halves import ALIKE, Row
from benchmarks.replica import MEMORY_GOAL, START_GOAL, Replica
from segmenters.runtimes.session import Half

Line = tuple[str, ...]


def half_table(half: Half, rows: Sequence[Row]) -> Table:
    """One line for each runner; a rule between what is not to be compared."""
    encoder = half is Half.ENCODER
    unit = "s" if encoder else "ms"
    headings = (
        "model",
        "threads",
        *(() if encoder else ("prompt",)),
        "runs in",
        f"CPU {unit}",
        f"wall {unit}",
    )
    headings += ("x torch", "x official", "IoU mean", "IoU min", "goal")
    table = _table(f"{half.value.capitalize()}, one {'image' if encoder else 'click'}", headings, left=4)
    table.caption = (
        "x torch, x official: how many times less CPU time than torch in float32 with our network and with "
        f"the publisher's. IoU of masks with those of torch in float32; a goal needs a least IoU of {ALIKE}."
    )
    for index, row in enumerate(rows):
        following = rows[index + 1] if index + 1 < len(rows) else row
        table.add_row(*half_line(half, row), end_section=_group(following) != _group(row))
    return table


def half_line(half: Half, row: Row) -> Line:
    """The cells of a row."""
    scale, digits = (1, 2) if half is Half.ENCODER else (1000, 1)
    prompt = () if half is Half.ENCODER else (row.work,)
    official = "-" if row.official is None else f"{row.official:.2f}"
    return (
        row.model,
        str(row.threads),
        *prompt,
        row.runner,
        f"{row.cost.cpu * scale:.{digits}f}",
        f"{row.cost.wall * scale:.{digits}f}",
        f"{row.ours:.2f}",
        official,
        f"{row.masks.mean:.5f}",
        f"{row.masks.least:.5f}",
        "" if row.goal is None else judged(f">= {row.goal:g}", bool(row.reached)),
    )


def click_table(click: WarmClick) -> Table:
    """Bare and whole by stage, and what becomes of their ratio without the floor."""
    title = f"A warm click of {SIZE[0]} x {SIZE[1]}, p50 in ms, one thread"
    table = _table(title, ("", "bare", "over HTTP"), left=1)
    for stage in {**click.bare_stages, **click.whole_stages}:
        bare, whole = click.bare_stages.get(stage), click.whole_stages.get(stage)
        table.add_row(stage, *("" if each is None else f"{each:.2f}" for each in (bare, whole)))
    table.add_section()
    table.add_row("all", f"{click.bare:.2f}", f"{click.whole:.2f}")
    table.add_row("ratio", judged(f"<= {GOAL:g}", click.reached), f"{click.ratio:.3f}")
    table.add_row("ratio to its own decode, resample, region", "", f"{click.own_ratio:.3f}")
    table.add_row("floor: a hop that does nothing", "", f"{click.floor:.2f}")
    table.add_row("ratio without the floor", "", f"{click.without_floor:.3f}")
    table.caption = f"Both gave {'the same mask' if click.same else 'DIFFERENT masks'}."
    return table


def replica_table(fresh: FreshDecoder, replica: Replica) -> Table:
    """The decoder half in a process of its own, and in the application's replica."""
    table = _table("A decoder, its graph exported", ("", "fresh process", "replica", "goal"), left=1)
    peak = max(fresh.loaded.peak, replica.memory.peak)
    memory = judged(f"< {MEMORY_GOAL:g}", peak < MEMORY_GOAL)
    start = judged(f"< {START_GOAL:g}", max(fresh.seconds, replica.alone.whole) < START_GOAL)
    table.add_row("memory now, MiB", f"{fresh.loaded.now:.0f}", f"{replica.memory.now:.0f}")
    table.add_row("memory at most, MiB", f"{fresh.loaded.peak:.0f}", f"{replica.memory.peak:.0f}", memory)
    table.add_row("memory before it was loaded, MiB", f"{fresh.bare.now:.0f}", "")
    table.add_row("holds torch", *("yes" if each else "no" for each in (fresh.torch, replica.torch)))
    table.add_row("start alone, s", f"{fresh.seconds:.1f}", f"{replica.alone.whole:.1f}", start)
    table.add_row("start with all others, s", "", f"{replica.first.whole:.1f}")
    table.add_row("of that loading the model, s", "", f"{replica.first.load:.1f}")
    decoder, encoder = fresh.graphs
    encoder_size = "not exported" if encoder is None else f"{encoder:.0f} MiB"
    table.caption = f"Graphs on disk: decoder {decoder:.0f} MiB, encoder {encoder_size}."
    return table


def judged(goal: str, reached: bool) -> str:
    """A goal and whether it is reached."""
    return f"{goal} {'[green]reached[/]' if reached else '[red]missed[/]'}"


def _group(row: Row) -> tuple[str, int, str]:
    return row.model, row.threads, row.work


def _table(title: str, headings: Sequence[str], left: int) -> Table:
    table = Table(
        title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index < left else "right")
    return table
