"""What CACHE_PRECISION=float16 costs: how masks change when embeddings are kept in half the bytes.

    python -m benchmarks.precision --json figures.json

Every embedding is decoded twice, as it was encoded and as a decoder replica keeps it, by the same decoder
with one thread. Several clicks refine each other's answers, as in the application. Checkpoints come from
--checkpoints; models that have none there get stand-in weights, a pure function of their names, which turn
tiny differences into large ones.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks import command, machine
from benchmarks.agreement import KINDS, Agreement, agreement, prompts, shown
from benchmarks.bar import Bar
from benchmarks.encoder.network import described
from benchmarks.encoder.report import PUBLISHED, STAND_IN
from benchmarks.encoder.tables import STAND_IN_CAPTION, Line, Sheet, drawn
from benchmarks.images.large_pictures import encoded
from benchmarks.models.contenders import stands_in
from benchmarks.turns import Cost, cost, take_turns
from embeddings.memory import MemoryTier, exact, owned
from imaging.decoding import decode
from imaging.options import ImageOptions
from segmenters.classical.segmenter import Classical
from segmenters.model_names import CLASSICAL
from segmenters.models import ARCHITECTURES
from segmenters.refining import Kept, Refiner
from segmenters.sam.segmenter import SegmentAnything
from segmenters.segmenter import Decoder, Encoder, Segmenter
from serve_app.cli.console import console
from testing.scenes import scene
from values.cores import usable_cores
from values.embedding import Embedding
from values.image import ModelSize
from values.masks import Masks
from values.prompt import Prompt

MODELS = (CLASSICAL, "mobile_sam", "sam2.1_hiera_tiny")
SIZE = (960, 640)
THREADS = usable_cores()  # for an encoder; a decoder has one
COSTS = ("MiB", "as float16", "exact ms", "decode ms")
HEADINGS = ("model", "weights", "prompt", *COSTS, "IoU mean", "IoU least", "same best")
CAPTION = (
    "exact: what float16 adds to a click before it is decoded; wall ms (CPU ms), medians. IoU: of all "
    "candidates with those of the embedding as encoded; same best: so often they are ranked alike."
)

_PROMPTS_EACH, _REPEATS = 4, 20  # of each kind on every scene; of what is timed

Answer = Callable[[str, Embedding, Prompt], Masks]


@dataclass(frozen=True, slots=True)
class Likeness:
    """``masks``: all candidates, with those of the embedding as it was encoded. ``first``: the part of the
    answers, 0..1, in which the model rates the same candidate best."""

    masks: Agreement
    first: float


@dataclass(frozen=True, slots=True)
class Row:
    """One model. ``mib``, ``kept_mib``: of an embedding. ``exact``: what making float32 of a kept one takes,
    ``decode``: a click. ``kinds``: by kind of prompt."""

    model: str
    weights: str
    mib: float
    kept_mib: float
    exact: Cost
    decode: Cost
    kinds: dict[str, Likeness]


def measure(segmenter: Segmenter, scenes: int, after: Callable[[], None]) -> Row:
    """The first ``scenes`` scenes; ``after`` is called after each."""
    encoder, decoder = segmenter.load_encoder(THREADS), segmenter.load_decoder(1)
    answer = answering(segmenter, decoder, MemoryTier(0))
    found: dict[str, list[Likeness]] = {kind: [] for kind in KINDS}
    for seed in range(scenes):
        embedding = embedded(encoder, segmenter.input, scene(seed, *SIZE).rgb)
        kept = owned(embedding, "float16")
        for kind in KINDS:
            asked = prompts(kind, seed, *SIZE, _PROMPTS_EACH)
            answers = [(answer("", embedding, each), answer("", exact(kept), each)) for each in asked]
            found[kind].append(likeness(answers))
        after()
    calls: dict[str, Callable[[Prompt], object]] = {"decode": partial(decoder.decode, embedding)}
    calls["exact"] = lambda _: exact(kept).nbytes  # its arrays, if they were held, would cost fresh memory
    turns = take_turns(calls, prompts(KINDS[0], 0, *SIZE, _REPEATS + 1), lambda: None)
    sizes = embedding.nbytes / 2**20, kept.nbytes / 2**20
    kinds = {kind: together(each) for kind, each in found.items()}
    costs = cost(turns["exact"]), cost(turns["decode"])
    return Row(segmenter.name, weights(segmenter), *sizes, *costs, kinds)


def likeness(pairs: Sequence[tuple[Masks, Masks]]) -> Likeness:
    """Of answers to the same prompts on scenes of SIZE."""
    masks = agreement((shown(one, *SIZE), shown(other, *SIZE)) for one, other in pairs)
    return Likeness(
        masks, statistics.fmean(one.scores.argmax() == other.scores.argmax() for one, other in pairs)
    )


def together(scenes: Sequence[Likeness]) -> Likeness:
    """Of all scenes, on which the same was asked for."""
    mean = statistics.fmean(each.masks.mean for each in scenes)
    least = min(each.masks.least for each in scenes)
    return Likeness(Agreement(mean, least), statistics.fmean(each.first for each in scenes))


def answering(segmenter: Segmenter, decoder: Decoder, kept: Kept) -> Answer:
    """How a decoder replica answers a prompt on an image that has a name, ``kept`` being its answers."""
    if segmenter.refines:
        return Refiner(decoder, kept).decode
    return lambda _, embedding, prompt: decoder.decode(embedding, prompt)


def embedded(encoder: Encoder, size: ModelSize, rgb: NDArray[np.uint8]) -> Embedding:
    """Of a picture that has been a file, as in the application."""
    [embedding] = encoder.encode([decode(encoded(rgb, "PNG"), size, ImageOptions())])
    return embedding


def weights(segmenter: Segmenter) -> str:
    """PUBLISHED, STAND_IN, or a dash for a segmenter that has none."""
    if isinstance(segmenter, SegmentAnything):
        return STAND_IN if stands_in(segmenter) else PUBLISHED
    return "-"


def lines(row: Row) -> list[Line]:
    """The cells of a model, a line for each kind of prompt."""
    costs = (f"{1000 * each.wall:.2f} ({1000 * each.cpu:.2f})" for each in (row.exact, row.decode))
    own = (f"{row.mib:.2f}", f"{row.kept_mib:.2f}", *costs)
    found = []
    for kind, each in row.kinds.items():
        alike = (f"{each.masks.mean:.5f}", f"{each.masks.least:.5f}", f"{100 * each.first:.0f} %")
        found.append((row.model, row.weights, kind, *own, *alike))
    return found


def run(segmenters: Sequence[Segmenter], scenes: int, output: Console) -> dict[str, Any]:
    """Measure and print; the same figures as plain values, for JSON."""
    rows = []
    with Bar(len(segmenters) * scenes) as bar:
        for segmenter in segmenters:
            bar.begin(segmenter.name)
            rows.append(measure(segmenter, scenes, lambda: bar.advance(1)))
    found: dict[str, Any] = {"machine": machine.described(), "rows": [asdict(row) for row in rows]}
    sheet = Sheet("Embeddings kept as float16", HEADINGS, [line for row in rows for line in lines(row)], 3)
    stand_ins = any(row.weights == STAND_IN for row in rows)
    output.print(found["machine"], drawn(sheet, (CAPTION, STAND_IN_CAPTION) if stand_ins else (CAPTION,)))
    return found


def arguments(about: str, given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process with a sentence when it cannot be read."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--models", nargs="+", choices=(CLASSICAL, *ARCHITECTURES), default=MODELS)
    parser.add_argument("--scenes", type=int, choices=range(1, 1000), metavar="COUNT", default=4)
    parser.add_argument("--checkpoints", type=Path, help="folder of published checkpoints")
    parser.add_argument("--keep", type=Path, help="folder that keeps stand-in weights for next time")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args(given)


def segmenters_of(asked: argparse.Namespace, folder: Path) -> list[Segmenter]:
    """What the command line asks for; stand-in weights go to ``folder``. Raises like ``described``."""
    model = partial(described, folder=folder, published=asked.checkpoints or folder)
    return [Classical() if name == CLASSICAL else model(name) for name in asked.models]


def main(about: str, measured: Callable[[Sequence[Segmenter], int, Console], object]) -> None:
    """Read the arguments, measure, print."""
    asked, shown_on = arguments(about), console()
    command.run(lambda to: measured(segmenters_of(asked, to), asked.scenes, shown_on), asked.json, asked.keep)


if __name__ == "__main__":
    main("Masks of embeddings that were kept as float16.", run)
