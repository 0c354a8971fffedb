from __future__ import annotations

import numpy as np
import pytest

from serve_app.cli.preannotate.command import NAME_LENGTH, name_of
from serve_app.reference import commands_table
from testing.annotated import EACH_KIND, brush, ellipse, rectangle, region
from tests.serve_app.cli.preannotate.desk import VERSION, Desk

CAT = rectangle().region


def test_every_box_of_a_project_becomes_a_mask_with_its_label(desk: Desk) -> None:
    tasks = [desk.add(CAT, ellipse(id="e").region) for _ in range(3)]
    result = desk.run()
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("6 masks of 6 boxes, stored for 3 tasks; 0 tasks have predictions")
    stored = desk.stored()
    assert list(stored) == tasks
    for [prediction] in stored.values():
        assert (prediction["score"], prediction["project"]) == (0.9, 1)
        assert [each["type"] for each in prediction["result"]] == ["brushlabels"] * 2
        assert {each["value"]["brushlabels"][0] for each in prediction["result"]} == {"Cat"}


@pytest.mark.parametrize("kind", sorted(EACH_KIND))
def test_each_kind_of_region_is_a_prompt(desk: Desk, kind: str) -> None:
    task = desk.add(EACH_KIND[kind]().region)
    assert desk.told()["masks"] == 1
    [prediction] = desk.stored()[task]
    # Only <PolygonLabels> has the label of the polygon.
    assert prediction["result"][0]["from_name"] == ("polygon" if kind == "polygon" else "brush")


def test_running_it_again_stores_nothing_twice(desk: Desk) -> None:
    for _ in range(5):
        desk.add(CAT)
    assert desk.told("--limit", "2")["stored"] == 2
    again = desk.told()
    assert (again["exit"], again["stored_before"], again["stored"]) == (0, 2, 3)
    assert {len(kept) for kept in desk.stored().values()} == {1}
    assert len(desk.backend.bodies) == 5
    last = desk.told()
    assert (last["stored"], last["stored_before"], len(desk.backend.bodies)) == (0, 5, 5)


def test_boxes_that_another_model_predicted(desk: Desk) -> None:
    task = desk.add()
    desk.predict(task, "yolo", CAT)
    assert desk.told()["masks"] == 1
    assert len(desk.stored()[task]) == len(desk.stored("yolo")[task]) == 1


def test_an_annotation_comes_before_predictions_and_a_skip_counts_for_nothing(desk: Desk) -> None:
    task = desk.add(CAT)
    desk.predict(task, "yolo", CAT, region("rectangle", CAT["value"], "Cat", id="other"))
    assert desk.told()["boxes"] == 1
    skipped = desk.add(CAT)
    desk.studio.tasks[-1]["annotations"][0]["was_cancelled"] = True
    told = desk.told()
    assert (told["without_boxes"], skipped in desk.stored()) == (1, False)


def test_tasks_without_boxes_are_not_sent(desk: Desk) -> None:
    desk.add()
    desk.add(region("choices", {"choices": ["good"]}, None))
    told = desk.told()
    assert (told["exit"], told["without_boxes"], desk.backend.bodies) == (0, 2, [])


def test_only_unlabelled_tasks(desk: Desk) -> None:
    desk.add(CAT, completed_at="2026-01-01T00:00:00Z")
    open_task = desk.add(CAT)
    assert desk.told("--only-unlabelled")["tasks"] == 1
    assert list(desk.stored()) == [open_task]


def test_overwriting_replaces_what_this_model_made_and_nothing_else(desk: Desk) -> None:
    task = desk.add(CAT)
    desk.predict(task, VERSION, CAT)
    desk.predict(task, "yolo", CAT, number=2)
    assert desk.told()["stored_before"] == 1
    assert desk.told("--overwrite")["stored"] == 1
    [new] = desk.stored()[task]
    assert (new["id"], new["result"][0]["type"]) == (1, "brushlabels")
    assert len(desk.stored("yolo")[task]) == 1


def test_everything_in_the_pictures_of_all_tasks(desk: Desk) -> None:
    tasks = [desk.add(CAT), desk.add()]
    result = desk.run("--points-per-side", "8", mode="--everything")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "6 masks, stored for 2 tasks; 0 tasks have predictions of this model, 0 failures; 2 tasks in"
    )
    assert [body["everything"] for body in desk.backend.bodies] == [{"points_per_side": 8}] * 2
    assert list(desk.stored()) == tasks
    [prediction] = desk.stored()[tasks[0]]
    assert [each["value"]["brushlabels"] for each in prediction["result"]] == [["Dog"]] * 3
    again = desk.told(mode="--everything")
    assert (again["stored"], again["stored_before"], len(desk.backend.bodies)) == (0, 2, 2)


def test_the_grid_is_the_backends_own_unless_it_is_said(desk: Desk) -> None:
    desk.add()
    desk.told(mode="--everything")
    assert desk.backend.bodies[0]["everything"] == {"points_per_side": None}


def test_a_picture_in_which_nothing_is_found_is_told(desk: Desk) -> None:
    task = desk.add()
    desk.backend.things = 0
    told = desk.told(mode="--everything")
    assert (told["exit"], told["stored"], desk.stored()) == (1, 0, {})
    assert [(each["task"], each["code"]) for each in told["failures"]] == [(task, "no_mask")]


FOUND = f"owlv2-1+{VERSION}"


def test_what_phrases_name_in_the_pictures_of_all_tasks(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    tasks = [desk.add(), desk.add()]
    annotated = desk.add(CAT)
    result = desk.run("cat, Traffic light", "--threshold", "0.3", mode="--find")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "4 masks, stored for 2 tasks; 0 tasks have predictions of this model, in 1 nothing is found, 0 fail"
    )
    asked = [body["find"] for body in desk.backend.bodies]
    assert asked == [{"phrases": ["cat", "Traffic light"], "threshold": 0.3}] * 3
    stored = desk.stored(f"{FOUND}-cat-traffic_light")
    assert list(stored) == tasks
    [prediction] = stored[tasks[0]]
    assert [each["value"]["brushlabels"] for each in prediction["result"]] == [["Cat"], ["Dog"]]
    [sent] = [body["tasks"][0] for body in desk.backend.bodies if body["tasks"][0]["id"] == annotated]
    assert sent["annotations"][0]["result"] == [CAT], "what is annotated is not to be found once more"


def test_each_search_continues_where_it_stopped(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    for _ in range(3):
        desk.add()
    assert desk.told("cat", "--limit", "2", mode="--find")["stored"] == 2
    again = desk.told("cat", mode="--find")
    assert (again["stored"], again["stored_before"], len(desk.backend.bodies)) == (1, 2, 3)
    assert desk.told("dog", mode="--find")["stored"] == 3
    assert {len(kept) for kept in desk.stored(f"{FOUND}-cat").values()} == {1}
    assert desk.told("cat", "--overwrite", mode="--find")["stored"] == 3
    assert {len(kept) for kept in desk.stored(f"{FOUND}-cat").values()} == {1}


def test_the_labels_of_the_config_say_what_to_find(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    task = desk.add()
    assert desk.told(mode="--find-labels")["masks"] == 3
    assert desk.backend.bodies[0]["find"] == {}
    [prediction] = desk.stored(FOUND)[task]
    assert [each["value"][each["type"]] for each in prediction["result"]] == [["Cat"], ["Dog"], ["Bird"]]


def test_what_a_search_stored_is_deleted_and_nothing_else(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    task = desk.add()
    desk.predict(task, "yolo", CAT)
    for phrase in ("cat", "dog"):
        desk.told(phrase, mode="--find")
    told = desk.told("cat", "--delete", mode="--find")
    assert (told["predictions"], told["model_version"]) == (1, f"{FOUND}-cat")
    assert desk.stored(f"{FOUND}-cat") == {}
    assert len(desk.stored(f"{FOUND}-dog")[task]) == len(desk.stored("yolo")[task]) == 1


def test_what_looks_like_regions_of_other_tasks(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    shown = desk.add(
        CAT, region("rectangle", {"x": 10, "y": 20, "width": 30, "height": 40}, "Bird", id="Xk3")
    )
    brushed = desk.add(brush("Dog", id="b-1").region)
    task = desk.add()
    names = [f"{shown}:Xk3", "--like", f"{brushed}:b-1", "--not-like", f"{shown}:{CAT['id']}"]
    told = desk.told(*names, "--threshold", "0.3", mode="--like")
    assert (told["exit"], told["stored"], told["nothing_found"]) == (0, 1, 2), told
    first = desk.backend.bodies[0]
    assert (first["tasks"], len(desk.backend.bodies)) == ([], 4), "whether the examples can be used, at first"
    like, drawn = first["find"]["like"]
    assert (like["image"], like["task"], like["label"]) == ("/data/upload/1/1.jpg", shown, "Bird")
    assert np.allclose(like["box"], (0.1, 0.2, 0.4, 0.6))
    assert (drawn["task"], drawn["label"]) == (brushed, "Dog")
    [unlike] = first["find"]["not_like"]
    assert (unlike["task"], first["find"]["threshold"]) == (shown, 0.3)
    assert all(body["find"] == first["find"] for body in desk.backend.bodies)
    [prediction] = desk.stored(f"{FOUND}-like_1_Xk3-like_2_b_1-not_1_rectangle_1")[task]
    assert [each["value"][each["type"]] for each in prediction["result"]] == [["Bird"], ["Dog"]]
    deleted = desk.told(*names, "--delete", mode="--like")
    assert (deleted["exit"], deleted["predictions"]) == (0, 1)


def test_a_picture_in_which_nothing_is_found_is_no_failure(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    desk.add()
    desk.backend.things = 0
    told = desk.told("cat", mode="--find")
    assert (told["exit"], told["stored"], told["nothing_found"], told["failures"]) == (0, 0, 1, [])
    assert desk.stored(f"{FOUND}-cat") == {}


def test_a_search_has_a_short_name_without_commas() -> None:
    assert name_of(["traffic light, red", "猫"]) == "traffic_light_red-猫"
    assert name_of([]) == ""
    names = {name_of([f"{'long ' * 30}{number}"]) for number in range(3)}
    assert {len(name) for name in names} == {NAME_LENGTH}
    assert len(names) == 3


def test_it_has_a_section_in_the_docs() -> None:
    assert "## preannotate\n" in commands_table()
