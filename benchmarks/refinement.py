"""Several clicks that refine each other's answers, against all of them at once.

    python -m benchmarks.refinement --models sam_vit_b --checkpoints models --json figures.json

An annotator clicks as in the evaluation of Segment Anything's paper: first on the point farthest inside the
object, then on the point farthest inside what the answer misses or has too much. Stand-in weights find
nothing in an image; with them answers are only compared with each other.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks import machine
from benchmarks.agreement import Mask, shown
from benchmarks.bar import Bar
from benchmarks.encoder.report import STAND_IN
from benchmarks.encoder.tables import Line, Sheet, drawn
from benchmarks.images.large_pictures import Picture
from benchmarks.precision import SIZE, THREADS, answering, embedded, main, weights
from benchmarks.turns import Cost, cost, take_turns
from embeddings.memory import MemoryTier
from exports.middles import deepest
from segmenters.refining import Logits
from segmenters.segmenter import Segmenter
from testing.photographs import photographs
from testing.pointing import iou
from testing.scenes import scene
from values.masks import Masks
from values.prompt import Prompt

CLICKS = 5
REFINED = "refined"
KEPT, NOTHING, AT_ONCE = WAYS = ("all kept", "nothing kept", "all at once")
TRUTH = ("model", "pictures", "clicks", "objects", *map(str, range(1, CLICKS + 1)))
ANSWERS = ("model", "weights", "pictures", "replicas", "prompts", f"IoU with {AT_ONCE}", *WAYS)
CAPTION = (
    "replicas: one saw all clicks, one keeps nothing, one forgets at random; equal: to the bit, for every "
    f"prompt. IoU: of masks for the same clicks, two or more. {', '.join(WAYS)}: wall ms of click {CLICKS}."
)

_HITTABLE = 2.5  # pixels from the border of an error to its deepest point; a hand cannot hit a thinner error
_ROOM = 2**30  # bytes: all answers of a run
_REPEATS = 10

Answer = Callable[[Prompt], Masks]


class Forgetful(MemoryTier[Logits]):
    """Forgets half of what is looked for; which half depends on the names and on how much is kept."""

    def get(self, key: str) -> Logits | None:
        """The logits, or None."""
        return super().get(key) if random.Random(f"{key} {len(self)}").random() < 0.5 else None


@dataclass(frozen=True, slots=True)
class Row:
    """One model on one kind of pictures.

    ``truth``: IoU with each object after 1, 2, ... CLICKS clicks, by REFINED and AT_ONCE; none of stand-ins.
    ``alike``: IoU of the masks of both, asked for by the same two clicks or more. ``same``: of each prompt,
    whether the replicas' answers were equal to the bit; empty where none refines. ``last``: what the last of
    CLICKS clicks takes, AT_ONCE and by what is kept of the answers before it.
    """

    model: str
    weights: str
    pictures: str
    truth: dict[str, list[list[float]]] = field(default_factory=lambda: {REFINED: [], AT_ONCE: []})
    alike: list[float] = field(default_factory=list)
    same: list[bool] = field(default_factory=list)
    last: dict[str, Cost] = field(default_factory=dict)


def measure(segmenter: Segmenter, kind: str, pictures: Sequence[Picture], after: Callable[[], None]) -> Row:
    """All objects of all pictures, in three replicas; ``after`` is called after each picture."""
    row = Row(segmenter.name, weights(segmenter), kind)
    encoder, decoder = segmenter.load_encoder(THREADS), segmenter.load_decoder(1)
    stores = (MemoryTier[Logits](_ROOM), MemoryTier[Logits](0), Forgetful(_ROOM))
    loaded = [answering(segmenter, segmenter.load_decoder(1), each) for each in stores]
    for number, picture in enumerate(pictures):
        embedding = embedded(encoder, segmenter.input, picture.rgb)
        plain = partial(decoder.decode, embedding)
        replicas = [partial(each, str(number), embedding) for each in loaded]
        for truth in picture.masks:
            prompts = _compare(row, truth, replicas[0], plain)
            for prompt in prompts if segmenter.refines else ():
                answers = [answer(prompt) for answer in replicas]
                told = {(each.logits.tobytes(), each.scores.tobytes()) for each in answers}
                row.same.append(len(told) == 1)
        after()
    ways = {AT_ONCE: plain} | ({KEPT: replicas[0], NOTHING: replicas[1]} if segmenter.refines else {})
    row.last.update(last_click(ways))
    return row


def _compare(row: Row, truth: Mask, refined: Answer, plain: Answer) -> list[Prompt]:
    """Compare the answers for one object; the prompts that were used."""
    prompts, masks = annotated(refined, truth)
    if row.weights != STAND_IN:
        for way, found in ((REFINED, masks), (AT_ONCE, annotated(plain, truth)[1])):
            ious = [iou(mask, truth) for mask in found]
            row.truth[way].append(ious + ious[-1:] * (CLICKS - len(ious)))
    for prompt, mask in zip(prompts[1:], masks[1:], strict=True):
        row.alike.append(iou(mask, best(plain(prompt), truth)))
    return prompts


def annotated(answer: Answer, truth: Mask) -> tuple[list[Prompt], list[Mask]]:
    """What is asked for and found with 1, 2, ... CLICKS clicks, fewer where no hand can correct anything."""
    prompts: list[Prompt] = []
    masks: list[Mask] = []
    clicks: list[tuple[float, float, int]] = []
    while len(prompts) < CLICKS:
        depth, click = correction(truth, masks[-1] if masks else np.zeros_like(truth))
        if prompts and depth < _HITTABLE:
            break
        clicks.append(click)
        points, labels = [each[:2] for each in clicks], [each[2] for each in clicks]
        prompts.append(Prompt.in_pixels((truth.shape[1], truth.shape[0]), points, labels))
        masks.append(best(answer(prompts[-1]), truth))
    return prompts, masks


def correction(truth: Mask, found: Mask) -> tuple[float, tuple[float, float, int]]:
    """How far inside an error the next click goes, in pixels, and its x and y, in pixels, and label."""
    (lack, missing), (surplus, excess) = deepest(truth & ~found), deepest(found & ~truth)
    (x, y), label = (missing, 1) if lack >= surplus else (excess, 0)
    return max(lack, surplus), (x + 0.5, y + 0.5, label)


def best(masks: Masks, truth: Mask) -> Mask:
    """The candidate that the model rates best, at the size of ``truth``."""
    return shown(masks, *truth.shape[::-1])[np.argmax(masks.scores)]


def last_click(answers: Mapping[str, Answer]) -> dict[str, Cost]:
    """What CLICKS clicks at random places take, by who answers; all were asked for once before."""
    points = np.random.default_rng(0).uniform(0, 1, (CLICKS, 2))
    prompt = Prompt(points, np.arange(1, CLICKS + 1, dtype=np.int32) % 2)
    turns = take_turns(answers, [prompt] * (_REPEATS + 1), lambda: None)
    return {name: cost(each) for name, each in turns.items()}


def truth_lines(row: Row) -> list[Line]:
    """Mean IoU with the objects, a line for each way to answer; none without objects."""
    found = []
    for way, objects in row.truth.items():
        means = [f"{statistics.fmean(column):.3f}" for column in zip(*objects, strict=True)]
        found += [(row.model, row.pictures, way, str(len(objects)), *means)] if means else []
    return found


def answer_line(row: Row) -> Line:
    """The cells that say whether an answer depends on what a replica saw, what refining changes, and its
    time."""
    differing = row.same.count(False)
    said = f"{differing} differ" if differing else "equal" if row.same else "refines nothing"
    alike = f"{statistics.fmean(row.alike):.4f}" if row.alike else "-"
    costs = (f"{1000 * row.last[way].wall:.1f}" if way in row.last else "-" for way in WAYS)
    return row.model, row.weights, row.pictures, said, str(len(row.same)), alike, *costs


def pictures_for(segmenter: Segmenter, scenes: int) -> dict[str, list[Picture]]:
    """Scenes, and photographs for a segmenter that can find things in them."""
    found = {"scenes": [Picture(*scene(seed, *SIZE)) for seed in range(scenes)]}
    if weights(segmenter) != STAND_IN:
        found["photographs"] = [Picture(rgb, [truth]) for _, rgb, truth in photographs()]
    return found


def run(segmenters: Sequence[Segmenter], scenes: int, output: Console) -> dict[str, Any]:
    """Measure and print; the same figures as plain values, for JSON."""
    asked = [(each, *pair) for each in segmenters for pair in pictures_for(each, scenes).items()]
    rows = []
    with Bar(sum(len(pictures) for *_, pictures in asked)) as bar:
        for segmenter, kind, pictures in asked:
            bar.begin(f"{segmenter.name}: {kind}")
            rows.append(measure(segmenter, kind, pictures, lambda: bar.advance(1)))
    found: dict[str, Any] = {"machine": machine.described(), "rows": [asdict(row) for row in rows]}
    truths = [line for row in rows for line in truth_lines(row)]
    output.print(found["machine"])
    if truths:
        output.print(drawn(Sheet("Mean IoU with the objects, after so many clicks", TRUTH, truths, 3), ()))
    output.print(drawn(Sheet("Answers", ANSWERS, [answer_line(row) for row in rows], 4), (CAPTION,)))
    return found


if __name__ == "__main__":
    main("Several clicks that refine each other's answers, against all of them at once.", run)
