"""The figures as markdown, for docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.encoder.goals import GOALS
from benchmarks.encoder.report import STAND_IN
from benchmarks.encoder.speed import NETWORK, UINT8
from benchmarks.encoder.tables import Sheet
from benchmarks.encoder.tables import markdown as drawn
from benchmarks.gpu.steps import CARD, CLICK, CLICK_DECODER, COMPILED, DECODERS, ENCODER, FAILURE, WEIGHTS

Figures = Mapping[str, Any]

ENCODERS = (
    "In bfloat16. network: from tensors on the device to tensors on the device. uint8: from pixels to "
    "arrays, both in the host's memory. GiB: held of the device at most. start: the first batch, compiling "
    "included. IoU: of masks with those of float32 without TF32."
)
CLICKS = (
    "The whole application, one annotator, pictures of 1 megapixel; milliseconds, medians but for the first "
    "click's worst. IoU: of the masks with those of float32 without TF32. MiB: of the machine's memory, each "
    "replica at most."
)
FAULTS = (
    "What clicks on new images were answered until one got its mask, clicks on a known image meanwhile, and "
    "the seconds until a new image had its mask: from the cause's end where it is memory, else from its "
    "beginning."
)
DECODED = (
    "One thread; wall milliseconds of a click. IoU: of all candidates with those of torch on CPU in float32."
)
ENCODER_HEADINGS = (
    *("model", "compile", "batch", "network img/s", "uint8 img/s", "goal"),
    *("GiB", "start s", "IoU", "least", ""),
)
STAND_INS = "Stand-in weights of {}: times are those of any weights, and IoU says little about real ones."


def markdown(figures: Figures) -> str:
    """All tables, of what there is so far; the steps without figures at the end, with why."""
    steps: Mapping[str, Any] = figures["steps"]
    found = {name: step["figures"] for name, step in steps.items() if step["figures"]}
    card = found.get(CARD, {})
    parts = [f"{card.get('card', figures['device'])}; {card.get('machine', 'an unknown machine')}\n"]
    stands_in = [name for name, kind in found.get(WEIGHTS, {}).items() if kind == STAND_IN]
    if stands_in:
        parts.append(STAND_INS.format(", ".join(stands_in)) + "\n")
    parts += [drawn(sheet, (caption,)) for sheet, caption in _sheets(found) if sheet.lines]
    parts += [f"{name}: {step['failure']}\n" for name, step in steps.items() if step["failure"]]
    return "\n".join(parts)


def _sheets(found: Figures) -> Iterator[tuple[Sheet, str]]:
    rows = [
        row
        for name, figures in found.items()
        if name.startswith((ENCODER, COMPILED))
        for row in figures["rows"]
    ]
    yield Sheet("Encoders", ENCODER_HEADINGS, [*map(_encoder, rows)], 2), ENCODERS
    clicks = [(name, found[name]) for name in (CLICK, CLICK_DECODER) if name in found]
    yield (
        Sheet("A click", ("", *(name for name, _ in clicks)), [*_clicks([each for _, each in clicks])], 1),
        CLICKS,
    )
    failures = ("failure", "new images", "known image", "back s", "encoder replaced", "the sentence")
    yield Sheet("A device that fails", failures, [*map(_fault, found.get(FAILURE, ()))], 6), FAULTS
    decoded = ("model", "prompt", "runs in", "ms", "IoU", "least")
    yield Sheet("Decoders", decoded, [*map(_decoder, found.get(DECODERS, ()))], 3), DECODED


def _encoder(row: Figures) -> tuple[str, ...]:
    setting, figures = row["setting"], row["figures"]
    named = (row["model"], setting["compiling"], str(setting["batch"]))
    goal = f"{GOALS[row['model']]:g}" if row["model"] in GOALS else "-"
    if figures is None:
        return (*named, "-", "-", goal, "-", "-", "-", "-", row["failure"])
    speeds = (f"{row['speed'][way]:.4g}" for way in (NETWORK, UINT8))
    memory = "-" if figures["memory"] is None else f"{figures['memory']:.1f}"
    masks = figures["masks"]
    start = f"{figures['start']:.1f}"
    return (*named, *speeds, goal, memory, start, f"{masks['mean']:.4f}", f"{masks['least']:.4f}", "")


def _clicks(clicks: Sequence[Figures]) -> Iterator[tuple[str, ...]]:
    if not clicks:
        return
    for half in ("encoder", "decoder"):
        yield f"the {half} runs in", *(each["runs_in"].get(half, "?") for each in clicks)
    yield "ready after, s", *(f"{each['ready']:.0f}" for each in clicks)
    yield "first click", *(f"{_median(each['first']):.0f}" for each in clicks)
    yield "its worst", *(f"{max(each['first']):.0f}" for each in clicks)
    yield "next click", *(f"{each['again']:.1f}" for each in clicks)
    for stage in clicks[0]["stages"]:
        yield f"of that, {stage}", *(f"{each['stages'].get(stage, 0):.1f}" for each in clicks)
    for name, key in (("IoU mean", "mean"), ("IoU least", "least")):
        yield name, *(f"{each['masks'][key]:.4f}" for each in clicks)
    for half in ("encoder", "decoder"):
        yield f"{half} MiB", *(f"{each[f'{half}_mib']:.0f}" for each in clicks)


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def _fault(fault: Figures) -> tuple[str, ...]:
    refused: list[str] = fault["refused"]
    answers = [f"{refused.count(each)} x {each}" for each in dict.fromkeys(refused)]
    known = f"{fault['known']} of {fault['known'] + fault['lost']}"
    back = "never" if fault["back"] is None else f"{fault['back']:.1f}"
    replaced = "yes" if fault["replaced"] else "no"
    return (fault["name"], ", ".join(answers) or "all masks", known, back, replaced, fault["sentence"])


def _decoder(row: Figures) -> tuple[str, ...]:
    masks = row["masks"]
    wall = f"{row['cost']['wall'] * 1000:.1f}"
    return (row["model"], row["work"], row["runner"], wall, f"{masks['mean']:.5f}", f"{masks['least']:.5f}")
