"""The halves of a model in several runtimes: CPU time, and agreement of the masks with those of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.agreement import KINDS, Agreement, Mask, agreement, prompts, shown
from benchmarks.models.contenders import BASELINE, OFFICIAL, Contender, decoders, encoders
from benchmarks.turns import Cost, Turn, cost, take_turns
from segmenters.architectures import SIDE
from segmenters.runtimes.session import Half
from segmenters.sam.decoder import SamDecoder
from segmenters.sam.segmenter import SamEncoder, SegmentAnything
from testing.scenes import scene
from values.embedding import Embedding
from values.image import Pixels
from values.masks import Masks
from values.prompt import Prompt

ALIKE = 0.999  # least IoU at which a speed counts
ENCODER_GOALS = {"mobile_sam": 2.0, "sam_vit_b": 3.0}
DECODER_GOAL = 1.8

_PROMPTS_EACH = 2  # of each kind on every image, to compare encoders
_BASELINES = (OFFICIAL, str(BASELINE))

After = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. ``work``: ``image``, or the kind of prompt. ``cost``: of one of these.

    ``ours``, ``official``: how many times less CPU time it takes than torch in float32, with our network and
    with the publisher's, which may be missing. ``goal``: the least of both that is aimed at, if any.
    """

    model: str
    work: str
    threads: int
    runner: str
    cost: Cost
    ours: float
    official: float | None
    masks: Agreement
    goal: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached, with masks alike; None without a goal.

        It is meant against torch as users have it: with the publisher's network where that is available, else
        with ours.
        """
        if self.goal is None:
            return None
        gained = self.ours if self.official is None else self.official
        return gained >= self.goal and self.masks.least >= ALIKE


def encoder_rows(
    model: SegmentAnything, contenders: list[Contender], threads: int, repeats: int, after: After
) -> list[Row]:
    """The encoder on ``repeats`` images and one more to warm up; all are compared, with torch's decoder."""
    loaded = encoders(model, contenders, threads)
    calls = {name: partial(_encoded, encoder) for name, encoder in loaded.items()}
    turns = take_turns(calls, [_pixels(model, seed) for seed in range(repeats + 1)], after)
    decoder = BASELINE.of(model).load_decoder(threads)
    pairs: dict[str, list[tuple[list[Mask], list[Mask]]]] = {name: [] for name in turns}
    for seed in range(repeats + 1):
        asked = [each for kind in KINDS for each in prompts(kind, seed, SIDE, SIDE, _PROMPTS_EACH)]
        right = [_shown(decoder.decode(turns[str(BASELINE)][seed].result, prompt)) for prompt in asked]
        for name, taken in turns.items():
            found = [_shown(decoder.decode(taken[seed].result, prompt)) for prompt in asked]
            pairs[name] += zip(right, found, strict=True)
    masks = {name: agreement(each) for name, each in pairs.items()}
    return rows(model.name, "image", threads, turns, masks)


def decoder_rows(
    model: SegmentAnything, contenders: list[Contender], threads: int, repeats: int, after: After
) -> list[Row]:
    """The decoder with ``repeats`` prompts of each kind and one more to warm up; all are compared."""
    embedding = _encoded(BASELINE.of(model).load_encoder(threads), _pixels(model, 0))
    loaded = decoders(model, contenders, threads)
    calls = {name: partial(_decoded, decoder, embedding) for name, decoder in loaded.items()}
    found = []
    for kind in KINDS:
        turns = take_turns(calls, prompts(kind, 0, SIDE, SIDE, repeats + 1), after)
        right = [_shown(turn.result) for turn in turns[str(BASELINE)]]
        masks = {
            name: agreement(zip(right, (_shown(turn.result) for turn in taken), strict=True))
            for name, taken in turns.items()
        }
        found += rows(model.name, kind, threads, turns, masks)
    return found


def rows(
    model: str,
    work: str,
    threads: int,
    turns: Mapping[str, Sequence[Turn[Any]]],
    masks: Mapping[str, Agreement],
) -> list[Row]:
    """A line for each runner. ``turns`` must have the baseline's, and may have the publisher's."""
    costs = {name: cost(taken) for name, taken in turns.items()}
    baseline, official = costs[str(BASELINE)], costs.get(OFFICIAL)
    goal = ENCODER_GOALS.get(model) if work == "image" else DECODER_GOAL
    return [
        Row(
            model,
            work,
            threads,
            name,
            own,
            baseline.cpu / own.cpu,
            official.cpu / own.cpu if official else None,
            masks[name],
            None if name in _BASELINES else goal,
        )
        for name, own in costs.items()
    ]


def turns_of(half: Half, contenders: int, repeats: int) -> int:
    """How often ``after`` is called at most, with the publisher's network among the runners."""
    return (contenders + 1) * (repeats + 1) * (1 if half is Half.ENCODER else len(KINDS))


def _pixels(model: SegmentAnything, seed: int) -> Pixels:
    """A scene of one megapixel at the encoder's own size, so that nothing is resized or padded."""
    rgb = scene(seed, SIDE, SIDE).rgb
    return Pixels(rgb.astype(np.float32) if model.input.fractions else rgb, SIDE, SIDE)


def _encoded(encoder: SamEncoder, pixels: Pixels) -> Embedding:
    [embedding] = encoder.encode([pixels])
    return embedding


def _decoded(decoder: SamDecoder, embedding: Embedding, prompt: Prompt) -> Masks:
    return decoder.decode(embedding, prompt)


def _shown(masks: Masks) -> list[Mask]:
    return shown(masks, SIDE, SIDE)
