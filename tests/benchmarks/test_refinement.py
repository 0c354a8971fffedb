from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.agreement import Mask
from benchmarks.encoder.report import STAND_IN
from benchmarks.images.large_pictures import Picture
from benchmarks.precision import answering, weights
from benchmarks.refinement import (
    ANSWERS,
    AT_ONCE,
    CLICKS,
    KEPT,
    NOTHING,
    REFINED,
    TRUTH,
    Forgetful,
    Row,
    annotated,
    answer_line,
    correction,
    last_click,
    measure,
    pictures_for,
    run,
    truth_lines,
)
from benchmarks.turns import Cost
from embeddings.memory import MemoryTier
from segmenters.checkpoints.locate import Checkpoint
from segmenters.classical.segmenter import Classical
from segmenters.refining import Logits
from segmenters.sam.execution import Execution
from segmenters.sam.segmenter import SegmentAnything
from testing.photographs import THINGS
from testing.scenes import scene
from values.embedding import Embedding
from values.image import ModelSize, Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt

WIDTH, HEIGHT = 96, 64
INPUT = ModelSize(WIDTH)
IMAGE = Embedding({}, "stamp-1", WIDTH, HEIGHT, WIDTH, HEIGHT)


def disc(x: float, y: float, radius: float) -> Mask:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 < radius**2)


def shown(mask: Mask) -> Masks:
    """The mask as the only candidate."""
    logits = np.where(mask, 1, -1).astype(np.float32)
    return Masks(logits[None], np.ones(1, np.float32), Frame(None, (HEIGHT, WIDTH)))


@dataclass
class Stamp:
    """A decoder that finds a disc around the newest click, and with it what it is given to refine."""

    asked: list[tuple[int, bool]] = field(default_factory=list)

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        self.asked.append((len(prompt.points), prompt.low_res is not None))
        x, y = prompt.points[-1] * (WIDTH, HEIGHT)
        found = disc(float(x), float(y), 8)
        return shown(found if prompt.low_res is None else found | (prompt.low_res > 0))


@dataclass
class Drifting(Stamp):
    """One whose logits depend on how often it was asked."""

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        found = super().decode(embedding, prompt)
        return replace(found, logits=found.logits * np.float32(1 + 1e-6 * len(self.asked)))


@dataclass
class Boasting(Stamp):
    """One whose scores depend on how often it was asked."""

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        found = super().decode(embedding, prompt)
        return replace(found, scores=found.scores / np.float32(1 + len(self.asked)))


@dataclass(frozen=True)
class Stamps:
    """A segmenter of such decoders."""

    kind: type[Stamp] = Stamp
    refines: bool = True
    name: str = "stamps"
    version: str = "stamp-1"
    device: str = "cpu"
    input: ModelSize = INPUT

    def load_encoder(self, threads: int) -> Stamps:
        return self

    def load_decoder(self, threads: int) -> Stamp:
        return self.kind()

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        return [replace(IMAGE, width=each.width, height=each.height) for each in batch]


def picture(*masks: Mask) -> Picture:
    return Picture(np.zeros((HEIGHT, WIDTH, 3), np.uint8), list(masks))


def measured(segmenter: Stamps | Classical, *pictures: Picture) -> Row:
    ended: list[None] = []
    row = measure(segmenter, "scenes", pictures, lambda: ended.append(None))
    assert len(ended) == len(pictures)
    return row


BAR = np.zeros((HEIGHT, WIDTH), np.bool_)
BAR[26:38, 8:88] = True  # no disc of a stamp covers it


def test_the_first_click_is_a_positive_one_deepest_in_the_object() -> None:
    depth, click = correction(disc(40, 30, 12), np.zeros((HEIGHT, WIDTH), np.bool_))
    assert click == (40.5, 30.5, 1)
    assert depth == pytest.approx(12, abs=1)


@pytest.mark.parametrize(
    ("found", "click"),
    [
        (disc(20, 30, 12), (70.5, 30.5, 1)),  # one of two discs is missing
        (disc(20, 30, 12) | disc(70, 30, 12) | disc(45, 50, 6), (45.5, 50.5, 0)),
        (disc(20, 30, 12) | disc(45, 50, 6), (70.5, 30.5, 1)),  # what is missing is the larger
        (disc(70, 30, 12) & ~disc(70, 30, 5) | disc(45, 50, 9) | disc(20, 30, 12), (45.5, 50.5, 0)),
    ],
)
def test_the_next_click_is_deepest_in_the_larger_error(found: Mask, click: tuple[float, float, int]) -> None:
    assert correction(disc(20, 30, 12) | disc(70, 30, 12), found)[1] == click


@pytest.mark.parametrize("seed", range(20))
def test_a_click_lands_in_an_error_and_says_what_is_right_there(seed: int) -> None:
    def ragged(salt: int) -> Mask:
        coarse = np.random.default_rng([seed, salt]).standard_normal((5, 7)).astype(np.float32)
        return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) > 0.3)

    truth, found = ragged(0), ragged(1)
    depth, (x, y, label) = correction(truth, found)
    assert depth > 0
    assert bool(truth[int(y), int(x)]) is bool(label)
    assert bool(found[int(y), int(x)]) is not bool(label)


def test_an_annotator_who_is_answered_rightly_clicks_once() -> None:
    prompts, masks = annotated(lambda _: shown(BAR), BAR)
    assert len(prompts) == len(masks) == 1
    assert prompts[0].labels.tolist() == [1]


def test_no_click_is_spent_on_an_error_that_no_hand_can_hit_but_the_first() -> None:
    thin = np.zeros((HEIGHT, WIDTH), np.bool_)
    thin[30:32] = True
    assert len(annotated(lambda _: shown(np.zeros_like(thin)), thin)[0]) == 1


def test_each_prompt_has_the_clicks_of_the_one_before_and_one_more() -> None:
    prompts, masks = annotated(partial(Stamp().decode, IMAGE), BAR)
    assert [len(each.points) for each in prompts] == list(range(1, CLICKS + 1))
    for earlier, later in pairwise(prompts):
        np.testing.assert_array_equal(later.points[:-1], earlier.points)
        np.testing.assert_array_equal(later.labels[:-1], earlier.labels)
    for prompt, mask in zip(prompts, masks, strict=True):
        x, y = prompt.points[-1] * (WIDTH, HEIGHT)
        assert (str(prompt.points.dtype), str(prompt.labels.dtype)) == ("float64", "int32")
        assert mask[int(y), int(x)]


def test_refining_keeps_what_earlier_clicks_found() -> None:
    row = measured(Stamps(), picture(BAR))
    [refined], [at_once] = row.truth[REFINED], row.truth[AT_ONCE]
    assert len(refined) == len(at_once) == CLICKS
    assert refined[0] == at_once[0]
    assert refined == sorted(set(refined))
    assert refined[-1] > 2 * at_once[-1]
    assert len(row.alike) == CLICKS - 1
    assert max(row.alike) < 0.8


def test_an_object_that_is_found_early_counts_with_what_was_found() -> None:
    row = measured(Stamps(), picture(disc(40, 30, 8), BAR), picture(disc(20, 20, 8)))
    for objects in row.truth.values():
        assert [len(each) for each in objects] == [CLICKS] * 3
        assert [len(set(each)) == 1 for each in (objects[0], objects[2])] == [True, True]
    assert len(row.same) == 1 + CLICKS + 1


def test_replicas_of_a_decoder_that_depends_on_nothing_else_agree() -> None:
    row = measured(Stamps(), picture(BAR), picture(BAR.copy()))
    assert row.same == [True] * 2 * CLICKS
    assert answer_line(row)[3:5] == ("equal", str(2 * CLICKS))


@pytest.mark.parametrize("kind", [Drifting, Boasting])
def test_replicas_of_one_that_is_not_deterministic_are_seen_to_differ(kind: type[Stamp]) -> None:
    row = measured(Stamps(kind), picture(BAR))
    assert row.same.count(False) > 1
    assert answer_line(row)[3] == f"{row.same.count(False)} differ"


@pytest.mark.slow
def test_a_segmenter_that_does_not_refine_finds_the_same_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.refinement._REPEATS", 1)
    rgb, masks = scene(1, 160, 120)
    row = measured(Classical(refines=False), Picture(rgb, masks))
    assert row.truth[REFINED] == row.truth[AT_ONCE]
    assert np.mean(row.truth[REFINED]) > 0.8
    assert set(row.alike) <= {1.0}
    assert (row.same, tuple(row.last)) == ([], (AT_ONCE,))
    assert answer_line(row)[3:5] == ("refines nothing", "0")


def test_the_last_click_costs_one_decode_with_all_kept_and_one_for_each_click_without() -> None:
    decoders = {KEPT: Stamp(), NOTHING: Stamp(), AT_ONCE: Stamp()}
    stores = {KEPT: MemoryTier[Logits](2**20), NOTHING: MemoryTier[Logits](0)}
    answers = {
        name: partial(answering(Stamps(), decoders[name], store), "image", IMAGE)
        for name, store in stores.items()
    }
    answers[AT_ONCE] = partial(decoders[AT_ONCE].decode, IMAGE)
    found = last_click(answers)
    turns = len(decoders[AT_ONCE].asked)
    assert turns > 1
    assert set(decoders[AT_ONCE].asked) == {(CLICKS, False)}
    assert len(decoders[KEPT].asked) == CLICKS + turns - 1  # the first time, which does not count
    assert decoders[KEPT].asked[CLICKS:] == [(CLICKS, True)] * (turns - 1)
    assert len(decoders[NOTHING].asked) == CLICKS * turns
    assert {name: each.wall > 0 for name, each in found.items()} == dict.fromkeys(answers, True)


def test_who_forgets_keeps_some_of_it() -> None:
    store = Forgetful(2**20)
    logits: NDArray[np.float32] = np.ones((2, 2), np.float32)
    names = [str(number) for number in range(100)]
    for name in names:
        store.put(name, logits)
    found = [store.get(name) is logits for name in names]
    assert 20 < found.count(True) < 80
    assert found == [store.get(name) is logits for name in names]


@pytest.fixture(scope="module")
def row() -> Row:
    return Row(
        *("m", "published", "scenes"),
        {REFINED: [[0.5] * CLICKS, [0.7] * CLICKS], AT_ONCE: [[0.25] * CLICKS, [0.75] * CLICKS]},
        [0.9, 0.8],
        [True, False],
        {KEPT: Cost(0.1, 0.02), NOTHING: Cost(0.1, 0.1), AT_ONCE: Cost(0.1, 0.0204)},
    )


def test_the_cells_of_a_row(row: Row) -> None:
    assert truth_lines(row) == [
        ("m", "scenes", REFINED, "2", *["0.600"] * CLICKS),
        ("m", "scenes", AT_ONCE, "2", *["0.500"] * CLICKS),
    ]
    assert answer_line(row) == (
        "m",
        "published",
        "scenes",
        "1 differ",
        "2",
        "0.8500",
        "20.0",
        "100.0",
        "20.4",
    )
    assert {len(line) for line in truth_lines(row)} == {len(TRUTH)}
    assert len(answer_line(row)) == len(ANSWERS)


def test_nothing_is_said_about_objects_that_were_not_looked_for(row: Row) -> None:
    assert truth_lines(Row("m", STAND_IN, "scenes")) == []
    assert answer_line(Row("m", STAND_IN, "scenes"))[5:] == ("-", "-", "-", "-")


def test_stand_ins_are_asked_for_scenes_only_and_are_not_held_against_the_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classical = pictures_for(Classical(), 2)
    assert [len(each) for each in classical.values()] == [2, len(THINGS)]
    assert all(mask.any() for each in classical["photographs"] for mask in each.masks)
    checkpoint = Checkpoint(Path("nowhere.pt"), "0" * 64, None, "mobile_sam")
    model = SegmentAnything("mobile_sam", checkpoint, Execution("cpu"), Path())
    assert weights(model) == STAND_IN
    assert list(pictures_for(model, 1)) == ["scenes"]
    monkeypatch.setattr("benchmarks.refinement.weights", lambda _: STAND_IN)
    row = measured(Stamps(), picture(BAR))
    assert (row.weights, truth_lines(row)) == (STAND_IN, [])
    assert len(row.same) == CLICKS


def test_a_run_prints_and_gives_figures_that_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.refinement.pictures_for", lambda *_: {"drawings": [picture(BAR)]})
    console = Console(width=160, force_terminal=False)
    with console.capture() as capture:
        found = json.loads(json.dumps(run([Stamps(), Stamps(Drifting, name="loose")], 1, console)))
    said = " ".join(capture.get().split())
    for text in (
        found["machine"],
        "after so many clicks",
        "drawings",
        "equal",
        "differ",
        "forgets at random",
    ):
        assert text in said
    assert [row["model"] for row in found["rows"]] == ["stamps", "loose"]
    assert found["rows"][0]["same"] == [True] * CLICKS
    assert set(found["rows"][0]["last"]) == {KEPT, NOTHING, AT_ONCE}
