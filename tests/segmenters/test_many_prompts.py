from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from segmenters.many_prompts import WINDOW, segment_many
from values.embedding import Embedding
from values.errors import ModelError
from values.masks import Frame, Masks
from values.prompt import Prompt

IMAGE = Embedding({}, "fake-1", 100, 100, 100, 100)


class Counting:
    """Masks that tell of which click they are; clicks at 0 are refused."""

    def __init__(self) -> None:
        self.asked = 0

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        self.asked += 1
        if not prompt.points.any():
            raise ModelError("nothing there")
        logits = np.full((1, 2, 2), prompt.points[0, 0], np.float32)
        return Masks(logits, np.ones(1, np.float32), Frame(None, (2, 2)))


class Together(Counting):
    """Takes several at once, and notes how many."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: list[int] = []

    def decode_many(self, embedding: Embedding, prompts: Sequence[Prompt]) -> Iterator[Masks]:
        self.windows.append(len(prompts))
        return (self.decode(embedding, prompt) for prompt in prompts)


def clicks(*places: int) -> Iterator[Prompt]:
    return (Prompt(np.full((1, 2), place, np.float64), np.ones(1, np.int32)) for place in places)


@pytest.mark.parametrize("decoder", [Counting(), Together()], ids=["one by one", "together"])
def test_each_prompt_has_its_own_masks_in_order(decoder: Counting) -> None:
    places = range(1, 2 * WINDOW + 6)
    found = segment_many(decoder, IMAGE, clicks(*places))
    assert [int(masks.logits[0, 0, 0]) for masks in found] == list(places)


def test_an_endless_list_is_taken_as_far_as_somebody_asks() -> None:
    def endless() -> Iterator[Prompt]:
        while True:
            yield from clicks(1)

    one_by_one, together = Counting(), Together()
    for decoder in (one_by_one, together):
        found = segment_many(decoder, IMAGE, endless())
        for _ in range(WINDOW + 1):
            next(found)
    assert one_by_one.asked == WINDOW + 1
    assert together.windows == [WINDOW, WINDOW]


def test_no_prompts_ask_for_nothing() -> None:
    decoder = Together()
    assert list(segment_many(decoder, IMAGE, [])) == []
    assert decoder.windows == []


def test_a_prompt_that_fails_does_so_when_it_is_its_turn() -> None:
    found = segment_many(Counting(), IMAGE, clicks(1, 0, 2))
    next(found)
    with pytest.raises(ModelError, match="nothing there"):
        next(found)
