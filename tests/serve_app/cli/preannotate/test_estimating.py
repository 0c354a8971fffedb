from __future__ import annotations

import pytest

from serve_app.cli.preannotate.estimating import TRIED, duration
from testing.annotated import rectangle
from tests.serve_app.cli.preannotate.desk import VERSION, Desk

CAT = rectangle().region
DOG = rectangle(10, id="second").region


def test_a_dry_run_counts_tries_a_few_tasks_and_stores_nothing(desk: Desk) -> None:
    for _ in range(20):
        desk.add(CAT, DOG)
    desk.add()
    desk.predict(desk.add(CAT), VERSION, CAT)
    told = desk.told("--dry-run")
    assert (told["exit"], told["tasks"], told["todo"], told["boxes"]) == (0, 22, 20, 40)
    assert (told["stored_before"], told["without_boxes"], told["tried"]) == (1, 1, TRIED)
    assert told["seconds"] > 0
    assert len(desk.backend.bodies) == TRIED
    assert [change for change in desk.studio.changes if "predictions" in change] == []


def test_it_is_told_in_two_lines(desk: Desk) -> None:
    desk.add(CAT)
    first, second = desk.run("--dry-run").stdout.splitlines()
    assert first.startswith(
        "1 tasks with 1 boxes would get masks; 0 have predictions of this model, 0 have no"
    )
    assert second == "about 1 s, by 1 tasks that were tried"


def test_a_dry_run_of_everything_counts_the_masks_that_it_tried(desk: Desk) -> None:
    for _ in range(10):
        desk.add()
    first, second = desk.run("--dry-run", mode="--everything").stdout.splitlines()
    assert first == "10 tasks would get masks; 0 have predictions of this model; nothing was stored"
    assert second.endswith("by 8 tasks that were tried, with 24 masks")
    assert desk.stored() == {}


def test_a_dry_run_of_a_search_counts_the_masks_that_it_tried(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    desk.add()
    first, second = desk.run("cat, dog", "--dry-run", mode="--find").stdout.splitlines()
    assert first == "1 tasks would be looked at; 0 have predictions of this model; nothing was stored"
    assert second.endswith("by 1 tasks that were tried, with 2 masks")
    assert desk.stored("owlv2-1+fake-1-cat-dog") == {}


def test_what_cannot_be_tried_is_told(desk: Desk) -> None:
    desk.add(CAT)
    desk.backend.refusals[1] = (422, b'{"error": "image_corrupt", "detail": "it is cut"}', {})
    result = desk.run("--dry-run")
    assert result.stdout.splitlines()[1:] == ["task 1: it is cut (image_corrupt)"]


def test_nothing_to_do_takes_no_time(desk: Desk) -> None:
    told = desk.told("--dry-run")
    assert (told["exit"], told["todo"], told["seconds"]) == (0, 0, None)


def test_a_limit_is_part_of_it(desk: Desk) -> None:
    for _ in range(6):
        desk.add(CAT)
    assert desk.told("--dry-run", "--limit", "4")["todo"] == 4


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (89, "89 s"), (95, "2 min"), (7140, "119 min"), (12_000, "3 h 20 min")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said
