from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.memory import MemoryTier
from segmenters.refining import CHAIN, LATER_CHAIN, Logits, Refiner
from values.embedding import Embedding
from values.masks import Frame, Masks
from values.prompt import Prompt

IMAGE = Embedding({}, "fake-1", 100, 100, 100, 100)


class Remembering:
    """Keeps the newest ``room`` logits."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def get(self, name: str) -> NDArray[np.float32] | None:
        return self.kept.get(name)

    def put(self, name: str, logits: NDArray[np.float32]) -> None:
        self.kept[name] = logits
        while len(self.kept) > self.room:
            self.kept.popitem(last=False)

    def drop_all(self, prefix: str) -> None:
        for name in [name for name in self.kept if name.startswith(prefix)]:
            del self.kept[name]


class Adding:
    """A decoder whose logits tell all that it was given; the best of its candidates is not the first."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        self.asked.append((len(prompt.points), prompt.low_res is not None))
        told = np.float32(prompt.points.sum() + 7 * len(prompt.points) + prompt.labels.sum())
        told += np.float32(0 if prompt.low_res is None else 3 * prompt.low_res.max())
        logits = np.stack([np.full((2, 2), told - 1), np.full((2, 2), told)]).astype(np.float32)
        return Masks(logits, np.array([0.1, 0.9], np.float32), Frame(None, (2, 2)))


class Named(MemoryTier[Logits]):
    """Remembers the names of all that was put into it."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self.names: list[str] = []

    def put(self, key: str, value: Logits) -> None:
        self.names.append(key)
        super().put(key, value)


def prompt(*labels: int, box: bool = False) -> Prompt:
    points = [[number, 2 * number] for number in range(len(labels))]
    return Prompt.in_pixels((1, 1), points, labels, (0, 0, 9, 9) if box else None)


def answer(refiner: Refiner, asked: Prompt, key: str = "image") -> float:
    return float(refiner.decode(key, IMAGE, asked).logits.max())


def test_each_click_refines_the_answer_to_those_before_it() -> None:
    decoder = Adding()
    refiner = Refiner(decoder, Remembering())
    for count in (1, 2, 3):
        answer(refiner, prompt(*[1] * count))
    assert decoder.asked == [(1, False), (2, True), (3, True)]


def test_a_box_is_the_first_answer_to_the_clicks_after_it() -> None:
    decoder = Adding()
    answer(Refiner(decoder, Remembering()), prompt(1, 0, box=True))
    assert decoder.asked == [(0, False), (1, True), (2, True)]


def test_the_chain_begins_with_a_positive_click() -> None:
    decoder = Adding()
    answer(Refiner(decoder, Remembering()), prompt(0, 0, 1, 0))
    assert decoder.asked == [(3, False), (4, True)]


@given(
    labels=st.lists(st.sampled_from([0, 1]), min_size=1, max_size=3 * CHAIN),
    box=st.booleans(),
    room=st.integers(0, 5),
    seen=st.lists(st.integers(1, 3 * CHAIN), max_size=6),
)
def test_the_answer_does_not_depend_on_what_was_seen_before(
    labels: list[int], box: bool, room: int, seen: list[int]
) -> None:
    asked = prompt(*labels, box=box)
    forgetful = Refiner(Adding(), Remembering(room))
    for count in seen:
        answer(forgetful, replace(asked, points=asked.points[:count], labels=asked.labels[:count]))
    assert answer(forgetful, asked) == answer(Refiner(Adding(), Remembering()), asked)


@pytest.mark.parametrize("clicks", [1, 2, CHAIN, CHAIN + 1, CHAIN + 2, 2 * CHAIN, 2 * CHAIN + 1, 100])
def test_an_answer_costs_no_more_than_one_chain(clicks: int) -> None:
    decoder = Adding()
    answer(Refiner(decoder, Remembering()), prompt(*[1] * clicks))
    assert len(decoder.asked) <= (CHAIN if clicks <= CHAIN else LATER_CHAIN)
    assert decoder.asked[-1][0] == clicks


def test_images_and_prompts_are_told_apart() -> None:
    kept = Remembering()
    refiner = Refiner(Adding(), kept)
    one = prompt(1)
    others = [
        replace(one, points=one.points + 1),
        replace(one, labels=np.array([0], np.int32)),
        replace(one, box=np.array([0, 0, 9, 9], np.float64)),
        replace(one, box=np.array([0, 0, 9, 8], np.float64)),
    ]
    for asked in (one, *others):
        answer(refiner, asked)
    answer(refiner, one, "another image")
    # Each alone, and the two boxes' own answers that their clicks refine.
    assert len(kept.kept) == 8


def test_what_was_drawn_or_given_is_not_replaced() -> None:
    decoder = Adding()
    refiner = Refiner(decoder, Remembering())
    given = np.full((2, 2), 5, np.float32)
    refiner.decode("image", IMAGE, replace(prompt(1, 1), mask=np.ones((4, 4), np.float32)))
    refiner.decode("image", IMAGE, replace(prompt(1, 1), low_res=given))
    assert decoder.asked == [(2, False), (2, True)]


def test_many_prompts_are_answered_as_each_alone() -> None:
    given = np.full((2, 2), 5, np.float32)
    asked = [prompt(1), prompt(box=True), prompt(1, 0, box=True), replace(prompt(1, 1), low_res=given)]
    many = Refiner(Adding(), Remembering()).decode_many("image", IMAGE, asked)
    alone = [Refiner(Adding(), Remembering()).decode("image", IMAGE, each) for each in asked]
    assert [masks.logits.max() for masks in many] == [masks.logits.max() for masks in alone]


def test_a_click_refines_what_one_of_many_prompts_gave() -> None:
    decoder = Adding()
    refiner = Refiner(decoder, Remembering())
    list(refiner.decode_many("image", IMAGE, [prompt(1), prompt(box=True)]))
    decoder.asked.clear()
    answer(refiner, prompt(1, 0, box=True))
    assert decoder.asked == [(1, True), (2, True)]


def test_threads_agree() -> None:
    refiner = Refiner(Adding(), Remembering(2))
    asked = [prompt(*[1] * (1 + number % 5)) for number in range(200)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda each: answer(refiner, each), asked))
    alone = [answer(Refiner(Adding(), Remembering()), each) for each in asked[:5]]
    assert answers == alone * 40


def test_the_tier_of_earlier_answers_holds_no_more_memory_than_it_says() -> None:
    """What is kept of an answer may be a view of all its candidates, which then stay in memory too."""
    tier = Named(40)
    refiner = Refiner(Adding(), tier)
    for number in range(1, 9):
        answer(refiner, prompt(*[1] * number))
    kept = [tier.get(name) for name in tier.names if name in tier]
    held = [logits if logits.base is None else logits.base for logits in kept if logits is not None]
    assert sum(array.nbytes for array in held) <= 40
    assert len(kept) == 2


def test_a_forgotten_image_begins_anew_and_others_go_on() -> None:
    decoder = Adding()
    refiner = Refiner(decoder, Remembering())
    for key in ("one", "other"):
        answer(refiner, prompt(1), key)
    refiner.forget("one")
    decoder.asked.clear()
    answer(refiner, prompt(1, 1), "other")
    assert decoder.asked == [(2, True)]
    answer(refiner, prompt(1, 1), "one")
    assert decoder.asked[1:] == [(1, False), (2, True)]
