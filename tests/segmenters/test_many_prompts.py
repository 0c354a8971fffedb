from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from segmenters.many_prompts import segment_many
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
    """Has a way of its own, of which its masks tell by their sign."""

    def decode_many(self, embedding: Embedding, prompts: Iterable[Prompt]) -> Iterator[Masks]:
        for prompt in prompts:
            masks = self.decode(embedding, prompt)
            yield Masks(-masks.logits, masks.scores, masks.frame)


def clicks(*places: int) -> Iterator[Prompt]:
    return (Prompt(np.full((1, 2), place, np.float64), np.ones(1, np.int32)) for place in places)


@pytest.mark.parametrize(("decoder", "sign"), [(Counting(), 1), (Together(), -1)])
def test_each_prompt_has_its_own_masks_in_order(decoder: Counting, sign: int) -> None:
    found = segment_many(decoder, IMAGE, clicks(*range(1, 9)))
    assert [sign * int(masks.logits[0, 0, 0]) for masks in found] == list(range(1, 9))


def test_an_endless_list_is_taken_as_far_as_somebody_asks() -> None:
    def endless() -> Iterator[Prompt]:
        while True:
            yield from clicks(1)

    decoder = Counting()
    found = segment_many(decoder, IMAGE, endless())
    for _ in range(5):
        next(found)
    assert decoder.asked == 5


def test_a_prompt_that_fails_does_so_when_it_is_its_turn() -> None:
    found = segment_many(Counting(), IMAGE, clicks(1, 0, 2))
    next(found)
    with pytest.raises(ModelError, match="nothing there"):
        next(found)
