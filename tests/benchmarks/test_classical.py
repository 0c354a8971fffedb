from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from benchmarks.classical.__main__ import arguments, run
from benchmarks.classical.boxes import COINS, masks_of, picture
from benchmarks.classical.clicking import MOST, Annotator, Click, Mask, Session, annotator_of, next_click
from benchmarks.classical.drawing import draw
from benchmarks.classical.found import SHOWN, all_found
from benchmarks.classical.measure import Row, measured, rows
from benchmarks.classical.second_look import SHOWN as SECOND
from benchmarks.classical.second_look import looked, sheet, slipped, stroked
from benchmarks.classical.second_look import picture as picture_of_looks
from benchmarks.classical.six import clicked_once
from benchmarks.classical.tables import (
    ANSWERS,
    answers_sheet,
    correlation,
    each_sheet,
    kinds_sheet,
    steps_sheet,
)
from benchmarks.classical.things import ALL_KINDS, PHOTOGRAPHS, Thing, sets_of, show, things
from testing.photographs import photographs
from testing.pointing import iou
from testing.still_lifes.still_life import EACH
from values.embedding import Embedding
from values.image import ModelSize, Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt

WIDTH, HEIGHT = 120, 80
INPUT = ModelSize(WIDTH)
NOTHING = np.zeros((HEIGHT, WIDTH), np.bool_)


def disc(x: float, y: float, radius: float) -> Mask:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 < radius**2)


def bar(left: int, top: int, right: int, bottom: int) -> Mask:
    mask = NOTHING.copy()
    mask[top:bottom, left:right] = True
    return mask


@dataclass
class Stamp:
    """A segmenter that finds a disc around the newest click, and with it what it is given to refine; of a
    box, all of it."""

    refines: bool = False
    asked: list[Prompt] = field(default_factory=list)
    name: str = "stamp"
    version: str = "stamp-1"
    device: str = "cpu"
    input: ModelSize = INPUT

    def load_encoder(self, threads: int) -> Stamp:
        return self

    def load_decoder(self, threads: int) -> Stamp:
        return self

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        return [Embedding({}, self.version, each.width, each.height, WIDTH, HEIGHT) for each in batch]

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        self.asked.append(prompt)
        if prompt.box is not None:
            left, top, right, bottom = (prompt.box * (WIDTH, HEIGHT, WIDTH, HEIGHT)).astype(int)
            found = bar(left, top, right, bottom)
        else:
            x, y = prompt.points[-1] * (WIDTH, HEIGHT)
            found = disc(x - 0.5, y - 0.5, 12)
        if prompt.low_res is not None:
            found |= prompt.low_res > 0
        logits = np.where(found, 1, -1).astype(np.float32)
        return Masks(logits[None], np.ones(1, np.float32), Frame(None, (HEIGHT, WIDTH)))


def annotated(segmenter: Stamp, truth: Mask) -> tuple[Session, Annotator]:
    annotator = annotator_of(segmenter, np.zeros((HEIGHT, WIDTH, 3), np.uint8), truth)
    return annotator.session(), annotator


def test_the_first_click_is_deepest_in_the_thing() -> None:
    assert next_click(disc(40, 30, 15), NOTHING) == Click(40, 30, 1)


def test_the_next_click_is_deepest_in_the_largest_error() -> None:
    truth = disc(25, 40, 15) | bar(60, 4, 70, 76)  # of what is missed, the bar has more pixels and less depth
    click = next_click(truth, disc(100, 40, 3))
    assert click is not None
    assert 63 <= click.x <= 66
    assert click.label == 1


def test_of_what_is_missed_and_what_is_excess_the_larger_is_clicked() -> None:
    missed, excess = bar(60, 4, 70, 76), disc(100, 40, 9)  # the excess is deeper
    click = next_click(disc(25, 40, 15) | missed, disc(25, 40, 15) | excess)
    assert click is not None
    assert missed[click.y, click.x]


def test_what_is_wrongly_covered_gets_a_negative_click() -> None:
    assert next_click(disc(30, 40, 15), disc(30, 40, 15) | disc(90, 40, 10)) == Click(90, 40, 0)
    assert next_click(disc(30, 40, 15) | disc(70, 20, 9), disc(30, 40, 15) | disc(90, 60, 11)) == Click(
        90, 60, 0
    )


def test_an_error_too_thin_for_a_hand_gets_no_click() -> None:
    assert next_click(disc(40, 40, 20), disc(40, 40, 22)) is None
    assert next_click(disc(40, 40, 20), disc(40, 40, 22) | disc(100, 40, 5)) == Click(100, 40, 0)


def test_of_a_small_thing_a_small_error_can_be_hit() -> None:
    assert next_click(bar(40, 40, 44, 46), bar(40, 40, 44, 43)) is not None


def test_a_thing_that_is_found_is_clicked_once() -> None:
    session, annotator = annotated(Stamp(), disc(50, 40, 12))
    assert session.ious == [1]
    assert (session.after(1), session.after(5), session.clicks_to(0.9)) == (1, 1, 1)
    assert annotator.clicks == [Click(50, 40, 1)]
    assert len(session.scores) == len(session.decodes) == 2  # the click's and the box's


def test_who_finds_nothing_better_gives_up() -> None:
    session, annotator = annotated(Stamp(), bar(4, 30, 116, 50))
    assert len(session.ious) == len(annotator.masks) == MOST
    assert session.clicks_to(0.85) == MOST
    assert session.box == 1


def test_each_answer_refines_the_one_before_as_in_a_replica() -> None:
    segmenter = Stamp(refines=True)
    session, _ = annotated(segmenter, bar(10, 30, 110, 50))
    assert session.ious == sorted(session.ious)
    assert session.ious[4] > 3 * session.ious[0] / 2
    clicks = [prompt for prompt in segmenter.asked if prompt.box is None]
    assert [prompt.low_res is not None for prompt in clicks] == [False] + [True] * (len(session.ious) - 1)
    assert [len(prompt.points) for prompt in clicks] == list(range(1, len(clicks) + 1))


def session(*ious: float, box: float = 0.5) -> Session:
    count = len(ious) + 1
    return Session(list(ious), box, [0.5] * count, [10.0] * count, 2.0)


def test_what_a_session_says_about_its_clicks() -> None:
    found = session(0.5, 0.87, 0.8, 0.91)
    assert [found.after(count) for count in (1, 2, 4, 9)] == [0.5, 0.87, 0.91, 0.91]
    assert [found.clicks_to(iou) for iou in (0.5, 0.85, 0.9, 0.95)] == [1, 2, 4, MOST]
    assert found.steps() == pytest.approx([0.37, -0.07, 0.11])


TUNED = Row(Thing("tuned", "shaded", 0), "shaded 0", 0.1, session(0.9, box=0.8))
LOST = Row(Thing("tuned", "shaded", 5), "shaded 5", 0.4, session(0.3, 0.6, 0.3, 0.9, 0.8))
PHOTOGRAPH = Row(Thing("reported", PHOTOGRAPHS, 0), "flower: bloom", 0.5, session(0.7, 0.95))


def test_the_answers_of_each_set_and_of_its_photographs_stand_apart() -> None:
    sheet = answers_sheet([TUNED, LOST, PHOTOGRAPH])
    assert sheet.headings[4:] == ANSWERS
    assert [line[:4] for line in sheet.lines] == [
        *(("tuned", "generated", "2", name) for name in ("mean", "median", "worst", "worst tenth")),
        *(("reported", "photographs", "1", name) for name in ("mean", "median", "worst", "worst tenth")),
    ]
    assert sheet.lines[0][4:] == ("0.600", "0.600", "0.850", "0.650", "2.5", "2.5")
    assert sheet.lines[2][4:] == ("0.300", "0.300", "0.800", "0.500", "4.0", "4.0")
    assert sheet.lines[3][4:] == ("0.360", "0.360", "0.810", "0.530", "3.7", "3.7")
    assert sheet.lines[4][4:] == ("0.700", "0.950", "0.950", "0.500", "2.0", "2.0")


def test_each_kind_has_a_line() -> None:
    assert kinds_sheet([TUNED, LOST, PHOTOGRAPH]).lines == [
        ("tuned", "shaded", "2", "0.600", "0.300", "0.600", "0.650", "1"),
        ("reported", PHOTOGRAPHS, "1", "0.700", "0.700", "0.950", "0.500", "0"),
    ]


def test_clicks_that_make_it_worse_are_counted() -> None:
    tuned, reported = steps_sheet([TUNED, LOST, PHOTOGRAPH]).lines
    assert tuned == ("tuned", "4", "50.0 %", "25.0 %", "10.0", "10.0", "2.0", "0.00")
    assert reported[:4] == ("reported", "1", "0.0 %", "0.0 %")
    assert steps_sheet([TUNED]).lines[0][1:4] == ("0", "-", "-")


def test_scores_that_go_with_the_iou_correlate() -> None:
    found = replace(LOST, session=Session([0.2, 0.6], 1.0, [0.1, 0.3, 0.5], [1.0] * 3, 1.0))
    assert correlation([found]) == pytest.approx(1)


def test_each_thing_has_a_line() -> None:
    assert each_sheet([LOST]).lines == [
        ("tuned", "shaded 5", "40 %", "0.300", "0.300", "0.800", "0.500", "4.0", "4.0")
    ]


def test_things_are_of_all_kinds_and_sizes() -> None:
    everything = things(sets_of("all"), ALL_KINDS)
    assert {thing.kind for thing in everything if thing.chosen == "tuned"} == set(ALL_KINDS)
    assert len(set(everything)) == len(everything) > 2 * EACH * (len(ALL_KINDS) - 1)
    few = things(sets_of("tuned"), ["large"], 2)
    assert few == [Thing("tuned", "large", 0), Thing("tuned", "large", EACH - 1)]


def test_a_thing_is_shown_with_its_name() -> None:
    shown = show(Thing("reported", PHOTOGRAPHS, 0))
    assert shown.name == "flower: bloom"
    assert shown.rgb.shape == (*shown.truth.shape, 3)
    assert show(Thing("tuned", "small", 1)).name == "small 1"


def test_a_thing_clicked_once_is_drawn_above_its_iou() -> None:
    found, drawn = clicked_once(Thing("tuned", "large", 2))
    assert found > 0.9
    assert (drawn[:280] == (255, 0, 255)).all(axis=2).any()
    assert (drawn[280:] < 100).all(axis=2).any()


def test_a_drawing_shows_the_thing_the_answers_and_the_clicks(tmp_path: Path) -> None:
    file = tmp_path / "drawing.png"
    clicks = [Click(40, 30, 1), Click(70, 30, 0)]
    draw(
        file,
        np.full((HEIGHT, WIDTH, 3), 90, np.uint8),
        disc(40, 30, 10),
        clicks,
        [disc(60, 30, 20), disc(40, 30, 9)],
    )
    picture = cv2.imread(str(file))
    assert picture is not None
    halves = np.split(picture, 2, axis=1)
    for half, black in zip(halves, (False, True), strict=True):
        assert (half == (0, 200, 0)).all(axis=2).any()
        assert (half == (255, 0, 255)).all(axis=2).any()
        assert (half == (255, 255, 255)).all(axis=2).any()
        assert (half == 0).all(axis=2).any() == black


@pytest.mark.slow
def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    asked = things(["tuned"], ["large"], 2)
    alone, together = (list(rows(asked, jobs, tmp_path)) for jobs in (1, 2))
    assert [row.session.ious for row in alone] == [row.session.ious for row in together]
    assert [row.name for row in together] == ["large 0", "large 5"]
    assert {file.name for file in tmp_path.iterdir()} == {"tuned large 0.png", "tuned large 5.png"}


@pytest.mark.slow
def test_what_the_readme_shows_is_found() -> None:
    shown = all_found()
    assert [f"{each.iou:.2f}" for each in shown] == ["0.95", "0.98"], (
        "python -m benchmarks.classical.found docs/found.jpg"
    )
    assert list(SHOWN.values()) == ["box", "click"]
    assert len({each.tile.shape for each in shown}) == 1


def test_the_segmenter_that_is_served_is_asked() -> None:
    row = measured(Thing("tuned", "large", 0))
    assert 0.4 < row.share < 0.5
    assert max(row.session.ious) > 0.6
    assert row.session.encode > 0
    assert min(row.session.decodes) > 0


def test_a_run_prints_all_tables_and_gives_figures_that_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {row.thing: row for row in (TUNED, LOST, PHOTOGRAPH)}
    monkeypatch.setattr(
        "benchmarks.classical.__main__.rows", lambda asked, *_: (found[each] for each in asked)
    )
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        figures = json.loads(json.dumps(run(list(found), 1, console, None, each=True)))
    said = " ".join(capture.get().split())
    for text in (figures["machine"], "Answers", "By kind", "Further clicks", "Each thing", "flower: bloom"):
        assert text in said
    assert [row["name"] for row in figures["rows"]] == ["shaded 0", "shaded 5", "flower: bloom"]
    assert figures["rows"][1]["session"]["ious"] == [0.3, 0.6, 0.3, 0.9, 0.8]


def test_the_command_line() -> None:
    asked = arguments([])
    assert (asked.set, tuple(asked.kinds), asked.jobs, asked.each, asked.draw) == (
        "all",
        ALL_KINDS,
        1,
        False,
        None,
    )
    assert tuple(arguments(["--photographs-only"]).kinds) == (PHOTOGRAPHS,)
    assert arguments(["--kinds", "shaded", "cut", "--set", "tuned"]).kinds == ["shaded", "cut"]
    with pytest.raises(SystemExit):
        arguments(["--set", "other"])


@pytest.mark.slow
def test_each_box_of_the_picture_becomes_the_mask_of_its_coin() -> None:
    coins = [(rgb, truth) for name, rgb, truth in photographs() if name.startswith("coins")]
    rgb = coins[0][0]
    masks = masks_of(rgb, COINS)
    assert len(masks) == len(COINS)
    for _, truth in coins:
        assert max(iou(mask, truth) for mask in masks) > 0.85
    drawn = picture(rgb, COINS, masks)
    assert drawn.shape[0] == round(rgb.shape[0] * 1.4)


def test_annotations_are_spoilt_inside_of_the_picture() -> None:
    left, right = bar(20, 30, 40, 50), bar(90, 30, 110, 50)
    assert (slipped(left) == bar(30, 30, 50, 50)).all()
    assert (slipped(right) == bar(80, 30, 100, 50)).all()
    touched = stroked(left) & ~left
    assert touched.sum() == 36
    assert touched[-6:, -6:].all()
    assert stroked(right)[-6:, :6].all()


@pytest.mark.slow
def test_a_second_look_agrees_with_what_is_outlined_well() -> None:
    [(rgb, thing)] = [(rgb, truth) for name, rgb, truth in photographs() if name == SECOND]
    well, moved, touched = found = looked(rgb, thing)
    assert well.iou > 0.8 > moved.iou
    assert well.iou > touched.iou
    assert (touched.annotated & ~thing).sum() == 36
    drawn = picture_of_looks(rgb, found)
    assert (drawn == (255, 0, 255)).all(axis=2).any()
    [line, *_] = sheet({SECOND: found}).lines
    assert line == ("as outlined", *[f"{well.iou:.2f}"] * 3)
