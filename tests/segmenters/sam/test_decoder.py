"""The decoder half with sessions that compute nothing; what real ones answer is in test_golden.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice, repeat

import numpy as np
import pytest

from segmenters.architectures import Family
from segmenters.runtimes.session import Array, Session
from segmenters.sam.decoder import SamDecoder
from segmenters.sam.prompt_batch import CHUNK, FEWEST, MOST_POINTS, WINDOW, PromptBatch
from values.embedding import Embedding
from values.errors import ModelError, OutOfMemory
from values.prompt import Prompt

DECODER_INPUTS = {"point_coords", "point_labels", "mask_input", "has_mask_input"}
IMAGE = Embedding({"image_embeddings": np.zeros(1, np.float32)}, "sam-1", 100, 50, 1024, 512)


class Telling:
    """Logits that are the first coordinate of each prompt, on the canvas; notes how many there were."""

    def __init__(self, room: int = 1000) -> None:
        self.asked: list[int] = []
        self.took: set[str] = set()
        self._room = room

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        self.took = set(inputs)
        coords = inputs["point_coords"]
        self.asked.append(len(coords))
        if len(coords) > self._room:
            raise OutOfMemory("no room")
        logits = np.broadcast_to(coords[:, 0, 0, None, None, None], (len(coords), 4, 256, 256))
        return {"low_res_masks": logits, "iou_predictions": np.full((len(coords), 4), 0.5, np.float32)}


class Shared:
    """Notes how often an image was prepared."""

    def __init__(self) -> None:
        self.images = 0

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        assert set(inputs) == {"image_embeddings"}
        self.images += 1
        return {name: np.zeros(1, np.float32) for name in outputs}


class Sessions:
    """Opens fakes, and notes with how many threads."""

    def __init__(self, room: int = 1000, *, in_place: bool = True) -> None:
        self.image, self.prompts = Shared(), Telling(room)
        self.opened: list[tuple[str | int, ...]] = []
        self._in_place = in_place

    def click(self, threads: int) -> Session:
        self.opened.append(("click", threads))
        return Telling()

    def batch(self, threads: int, most: int) -> PromptBatch:
        self.opened.append(("batch", threads, most))
        return PromptBatch(self.image, self.prompts, ("keys_0",), self._in_place)


class Both:
    """A decoder and what is in it."""

    def __init__(self, room: int = 1000, *, in_place: bool = True) -> None:
        self.click, self.sessions = Telling(), Sessions(room, in_place=in_place)
        self.decoder = SamDecoder(self.click, Family.SAM, "sam-1", self.sessions)

    def found(self, prompts: Sequence[Prompt]) -> list[float]:
        many = self.decoder.decode_many(IMAGE, iter(prompts))
        return [round(float(masks.logits[0, 0, 0]) / 10.24) for masks in many]


def box(left: int) -> Prompt:
    return Prompt(box=np.array([left, 0, 100, 50]) / (100, 50, 100, 50))


def click(left: int) -> Prompt:
    return Prompt.in_pixels((100, 50), [[left, 0]], [1])


def test_prompts_of_several_kinds_keep_their_order() -> None:
    both = Both()
    masked = Prompt(box=box(99).box, mask=np.ones((5, 5), np.float32))
    many = [masked, *(kind(left) for left in range(1, 2 * FEWEST + 2) for kind in (box, click)), masked]
    lefts = [99, *(left for left in range(1, 2 * FEWEST + 2) for _ in "bc"), 99]
    assert both.found(many) == lefts
    assert both.click.asked == [1, 1], "those with a mask, one by one"
    assert sum(both.sessions.prompts.asked) == len(many) - 2
    assert both.sessions.image.images == 1


def test_a_few_are_decoded_one_by_one_and_nothing_is_opened() -> None:
    both = Both()
    assert both.found([box(left) for left in range(FEWEST - 1)]) == [*range(FEWEST - 1)]
    assert both.sessions.opened == []


def test_an_endless_list_is_computed_as_far_as_somebody_asks() -> None:
    both = Both()
    for _ in islice(both.decoder.decode_many(IMAGE, repeat(box(1))), WINDOW + 1):
        pass
    assert both.sessions.prompts.asked == [CHUNK] * (WINDOW // CHUNK + 1)
    assert both.sessions.image.images == 1


def test_what_does_not_fit_at_once_is_decoded_one_by_one() -> None:
    both = Both(room=1)
    assert both.found([box(left) for left in range(FEWEST)]) == [*range(FEWEST)]
    assert both.click.asked == [1] * FEWEST


def test_a_decoder_that_has_one_session_uses_it() -> None:
    session = Telling()
    decoder = SamDecoder(session, Family.SAM, "sam-1")
    decoder.take_idle_cores(2)
    assert len(list(decoder.decode_many(IMAGE, [box(1)] * FEWEST))) == FEWEST
    assert session.asked == [1] * FEWEST


def test_an_embedding_of_another_model_is_refused() -> None:
    other = Embedding(IMAGE.arrays, "sam-2", 100, 50, 1024, 512)
    with pytest.raises(ModelError, match="sam-1 cannot read an embedding made by sam-2"):
        next(Both().decoder.decode_many(other, [box(1)]))


def test_on_a_prepared_image_a_prompt_is_computed_from_what_all_share() -> None:
    both = Both()
    prepared = both.decoder.prepared(IMAGE)
    assert prepared is not None
    assert set(prepared.arrays) == {"image_embeddings", "keys_0"}
    assert both.decoder.decode(prepared, box(7)).logits[0, 0, 0] == pytest.approx(71.68)
    assert [len(both.found([box(1)] * FEWEST)), len(both.found([box(1)] * FEWEST))] == [FEWEST] * 2
    assert (both.click.asked, both.sessions.image.images) == ([], 3)
    assert len(list(both.decoder.decode_many(prepared, [box(1)] * FEWEST))) == FEWEST
    assert both.sessions.image.images == 3


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(box=box(1).box, mask=np.ones((5, 5), np.float32)),
        Prompt(np.array([[0.5, 0.5]]), np.ones(1, np.int32), low_res=np.ones((256, 256), np.float32)),
        Prompt(np.full((MOST_POINTS + 1, 2), 0.5), np.ones(MOST_POINTS + 1, np.int32)),
    ],
    ids=["mask", "refined", "long"],
)
def test_what_changes_the_image_or_is_long_is_computed_as_before(prompt: Prompt) -> None:
    both = Both()
    prepared = both.decoder.prepared(IMAGE)
    assert prepared is not None
    both.decoder.decode(prepared, prompt)
    assert (both.click.asked, both.sessions.prompts.asked) == ([1], [])
    assert both.click.took == {"image_embeddings", *DECODER_INPUTS}


def test_no_image_is_prepared_where_that_saves_nothing() -> None:
    assert Both(in_place=False).decoder.prepared(IMAGE) is None
    assert SamDecoder(Telling(), Family.SAM, "sam-1").prepared(IMAGE) is None


def test_idle_cores_are_for_clicks_and_for_many_prompts() -> None:
    both = Both()
    both.decoder.take_idle_cores(2)
    list(both.decoder.decode_many(IMAGE, [box(1)] * FEWEST))
    assert both.sessions.opened == [("click", 2), ("batch", 1, 2)]


def test_a_decoder_with_all_cores_opens_nothing_more() -> None:
    both = Both()
    both.decoder.take_idle_cores(1)
    assert both.sessions.opened == []
