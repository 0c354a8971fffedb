"""The steps of the check, each with its command and the seconds that are set aside for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.encoder.goals import GOALS

CARD, WEIGHTS = "card", "weights"
CLICK, CLICK_DECODER = "click", "click, decoder on the device"
FAILURE, DECODERS = "device failure", "decoders"
ENCODER, COMPILED = "encoder", "encoder, compiled"


@dataclass(frozen=True, slots=True)
class Form:
    """How much is measured. ``served``: the model that the application serves. ``encoders``: from the
    smallest on. ``batches``: images at once; compiled encoders take ``compiled`` of them, or none.

    ``seconds``: of each kind of step.
    """

    name: str
    served: str
    encoders: tuple[str, ...]
    decoders: tuple[str, ...]
    batches: tuple[int, ...]
    compiled: int | None
    repeats: int
    seconds: dict[str, float]


# Eight minutes in all, for an H200 with 16 cores. Most of what encoders need is left over by those before.
FULL = Form(
    name="full",
    served="sam2.1_hiera_large",
    encoders=tuple(reversed(GOALS)),
    decoders=("mobile_sam", "sam2.1_hiera_tiny"),
    batches=(1, 4, 8),
    compiled=8,
    repeats=10,
    seconds={
        CARD: 20, WEIGHTS: 50, CLICK: 60, CLICK_DECODER: 45,
        FAILURE: 55, DECODERS: 50, ENCODER: 20, COMPILED: 30,
    },
)  # fmt: skip

# The same ways with small models, for machines without a GPU: slow ones, with little to measure, and busy.
SHORT = Form(
    name="short",
    served="mobile_sam",
    encoders=("mobile_sam",),
    decoders=("mobile_sam",),
    batches=(1,),
    compiled=None,
    repeats=1,
    seconds={
        CARD: 120, WEIGHTS: 240, CLICK: 600, CLICK_DECODER: 0,
        FAILURE: 600, DECODERS: 300, ENCODER: 300, COMPILED: 0,
    },
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is measured. ``folder``: for stand-in weights; ``published``: of the publishers'
    checkpoints."""

    device: str
    folder: Path
    published: Path


@dataclass(frozen=True, slots=True)
class Step:
    """``words``: behind `python -m`. ``seconds``: that are set aside for it. ``file``: its figures' name."""

    name: str
    words: tuple[str, ...]
    seconds: float

    @property
    def file(self) -> str:
        """The name, as a file may have it."""
        return "".join(each if each.isalnum() or each in "._" else "-" for each in self.name)


def steps(form: Form, place: Place) -> Iterator[Step]:
    """All, in the order in which they run: what takes long and fits into any time comes last."""
    weights = ("--keep", str(place.folder), "--checkpoints", str(place.published))
    device = ("--device", place.device)
    served = ("benchmarks.gpu.clicks", "--model", form.served, *weights, *device)
    names = tuple(dict.fromkeys((form.served, *form.decoders, *form.encoders)))
    both = [(CLICK_DECODER, (*served, "--decoder", place.device))] if place.device != "cpu" else []
    for name, words in (
        (CARD, ("benchmarks.gpu.card", *device)),
        (WEIGHTS, ("benchmarks.gpu.weights", *weights, "--models", *names)),
        (CLICK, served),
        *both,
        (FAILURE, ("benchmarks.gpu.failure", "--model", form.served, *weights, *device)),
        (DECODERS, ("benchmarks.gpu.decoders", *weights, *device, "--models", *form.decoders)),
    ):
        yield Step(name, words, form.seconds[name])
    for name in form.encoders:
        yield _encoder(ENCODER, name, "none", form.batches, form, (*weights, *device))
    if form.compiled is not None:
        for name in form.encoders:
            yield _encoder(COMPILED, name, "default", (form.compiled,), form, (*weights, *device))


def _encoder(
    kind: str, model: str, compiling: str, batches: tuple[int, ...], form: Form, where: tuple[str, ...]
) -> Step:
    words = ("benchmarks.encoder", "--models", model, "--dtypes", "bfloat16", "--compile", compiling, *where)
    counts = ("--repeats", str(form.repeats), "--scenes", "2")
    sizes = ("--batches", *map(str, batches))
    return Step(f"{kind}, {model}", (*words, *counts, *sizes), form.seconds[kind])
