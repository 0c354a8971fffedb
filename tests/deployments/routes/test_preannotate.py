"""Boxes that become masks, by /preannotate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deployments.routes.preannotate import PREANNOTATE_TASKS
from testing.annotated import EACH_KIND, LABEL_CONFIG, annotation, brush, rectangle, region
from tests.deployments.ingress_door import Door
from values.errors import (
    BadPrompt,
    DeadlineExceeded,
    ImageDiffers,
    ImageMissing,
    Overloaded,
    ServiceError,
)
from values.priority import Priority

CAT = rectangle().region


def body(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"tasks": tasks, "project": "3.17", "label_config": LABEL_CONFIG}


def task(*regions: Any, number: int = 1, **fields: Any) -> dict[str, Any]:
    data = {"image": f"/data/upload/1/{number}.png"}
    return {"id": number, "data": data, "annotations": [annotation(*regions)], **fields}


async def test_each_box_is_a_prompt_of_one_call_behind_all_clicks(door: Door) -> None:
    regions = [each().region | {"id": kind} for kind, each in EACH_KIND.items()]
    [result] = (await door.post("/preannotate", body(task(*regions)))).json()["results"]
    [(_, click, priority, keep)] = door.graph.annotated
    assert (priority, keep, click.image.project, click.image.task) == (Priority.LATER, False, "3", 1)
    assert (click.width, click.height, len(click.prompts)) == (320, 200, len(regions))
    drawn = [prompt.mask is not None for prompt in click.prompts]
    assert drawn == [each["type"] in ("brushlabels", "bitmasklabels", "polygonlabels") for each in regions]
    assert (result["task"], result["boxes"], result["masks"], result["left_out"]) == (1, 7, 7, [])
    assert (result["model_version"], result["score"]) == ("classical-3", 0.5)
    # The label of the polygon is known to <PolygonLabels> alone.
    types = ["polygonlabels" if kind == "polygon" else "brushlabels" for kind in EACH_KIND]
    assert [each["type"] for each in result["result"]] == types
    labels = [each["value"][each["type"]] for each in regions]
    assert [each["value"][kind] for each, kind in zip(result["result"], types, strict=True)] == labels


async def test_a_click_with_a_boxs_id_goes_with_the_box(door: Door) -> None:
    middle = region("keypoint", {"x": 50, "y": 25}, None, id=CAT["id"])
    [result] = (await door.post("/preannotate", body(task(CAT, middle)))).json()["results"]
    [(_, click, _, _)] = door.graph.annotated
    [prompt] = click.prompts
    assert prompt.box is not None
    assert (prompt.points.tolist(), prompt.labels.tolist()) == ([[0.5, 0.25]], [1])
    assert (result["boxes"], result["masks"]) == (1, 1)
    assert [each["region"] for each in result["made"]] == [CAT["id"]]


async def test_boxes_of_predictions_but_not_of_this_model(door: Door) -> None:
    made = [
        {"id": 1, "model_version": "yolo", "result": [CAT]},
        {"id": 2, "model_version": "classical-3", "result": [brush().region]},
    ]
    answer = await door.post("/preannotate", body(task(annotations=[], predictions=made)))
    [(_, click, _, _)] = door.graph.annotated
    assert [prompt.mask for prompt in click.prompts] == [None]
    assert answer.json()["results"][0]["masks"] == 1


async def test_a_task_without_boxes_asks_for_nothing(door: Door) -> None:
    answer = await door.post("/preannotate", body(task(), task(annotations=None, number=2)))
    assert [each["boxes"] for each in answer.json()["results"]] == [0, 0]
    assert door.graph.annotated == []


async def test_an_empty_mask_is_left_out_with_the_reason(door: Door) -> None:
    door.graph.empty = {0}
    other = rectangle(5, id="second").region
    [result] = (await door.post("/preannotate", body(task(CAT, other)))).json()["results"]
    assert (result["boxes"], result["masks"]) == (2, 1)
    assert result["made"] == [{"region": "second", "results": 1, "score": 0.5}]
    [left_out] = result["left_out"]
    assert (left_out["region"], left_out["error"]) == ("rectangle-1", "no_mask")
    assert "the model found nothing in it" in left_out["detail"]


@pytest.mark.parametrize("error", [ImageMissing("there is no such file"), ImageDiffers("another shape")])
async def test_a_picture_that_cannot_be_used_spoils_no_other_task(door: Door, error: Exception) -> None:
    door.graph.error = error
    answer = await door.post("/preannotate", body(task(CAT)))
    await door.settle()
    [result] = answer.json()["results"]
    assert (answer.status_code, result["masks"], result["result"]) == (200, 0, [])
    assert [each["region"] for each in result["left_out"]] == [""]
    [failure] = door.graph.failures
    assert (failure.route, failure.project, failure.task) == ("/preannotate", "3", "1")


async def test_what_may_be_better_later_refuses_the_request(door: Door) -> None:
    door.graph.error = Overloaded("too much is waiting")
    answer = await door.post("/preannotate", body(task(CAT)))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


async def test_many_boxes_are_decoded_in_parts_whose_embedding_is_kept(door: Door) -> None:
    many = [region("rectangle", CAT["value"], "Cat", id=f"box {number}") for number in range(150)]
    [result] = (await door.post("/preannotate", body(task(*many)))).json()["results"]
    assert [(len(click.prompts), keep) for _, click, _, keep in door.graph.annotated] == [
        (64, True),
        (64, True),
        (22, True),
    ]
    assert result["masks"] == 150


async def test_more_boxes_than_one_task_may_have(door: Door) -> None:
    many = [region("rectangle", CAT["value"], "Cat", id=f"box {number}") for number in range(1001)]
    [result] = (await door.post("/preannotate", body(task(*many), task(CAT, number=2)))).json()["results"][:1]
    assert result["left_out"][0]["detail"] == "task 1 has over 1000 boxes; annotate it in several tasks"
    assert len(door.graph.annotated) == 1


async def test_more_tasks_than_one_request_may_have(door: Door) -> None:
    tasks = [task(number=number) for number in range(PREANNOTATE_TASKS + 1)]
    assert (await door.post("/preannotate", body(*tasks))).status_code == 400


async def test_a_config_without_a_control_for_masks(door: Door) -> None:
    config = '<View><Image name="image" value="$image"/></View>'
    answer = await door.post("/preannotate", body(task(CAT)) | {"label_config": config})
    assert (answer.status_code, answer.json()["error"]) == (422, "bad_label_config")
    assert "no control of the labeling config takes a mask" in answer.json()["detail"]


async def test_it_answers_in_time_whatever_the_decoders_do() -> None:
    door = Door(predict_timeout_s=0.05)
    door.graph.admission.clear()
    answer = await door.post("/preannotate", body(task(CAT)))
    assert (answer.status_code, answer.json()["error"]) == (504, "deadline_exceeded")


async def test_everything_in_the_pictures_of_tasks_with_boxes_and_without(door: Door) -> None:
    asked = body(task(CAT), task(number=2)) | {"everything": {"points_per_side": 8}}
    first, second = (await door.post("/preannotate", asked)).json()["results"]
    assert [(picture.image.task, picture.points) for picture, _ in door.graph.explored] == [(1, 8), (2, 8)]
    assert {priority for _, priority in door.graph.explored} == {Priority.LATER}
    assert (first["boxes"], first["masks"], first["score"], first["left_out"]) == (0, 2, 0.5, [])
    assert [each["value"]["brushlabels"] for each in second["result"]] == [["Dog"], ["Dog"]]
    assert door.graph.annotated == []


async def test_a_picture_in_which_nothing_is_found(door: Door) -> None:
    door.graph.found = 0
    [result] = (await door.post("/preannotate", body(task()) | {"everything": {}})).json()["results"]
    assert (result["masks"], result["left_out"][0]["error"]) == (0, "no_mask")
    assert door.graph.explored[0][0].points is None


async def test_a_picture_that_cannot_be_read_is_left_out_of_everything(door: Door) -> None:
    door.graph.error = ImageMissing("there is no such file")
    answer = await door.post("/preannotate", body(task()) | {"everything": {}})
    await door.settle()
    [result] = answer.json()["results"]
    assert (answer.status_code, result["left_out"][0]["error"]) == (200, "image_missing")
    assert [failure.route for failure in door.graph.failures] == ["/preannotate"]


async def test_a_grid_that_takes_longer_is_asked_for_again(door: Door) -> None:
    door.graph.error = DeadlineExceeded("5 of the grid's 16 points are done; ask again to go on")
    answer = await door.post("/preannotate", body(task()) | {"everything": {}})
    assert (answer.status_code, answer.json()["error"]) == (504, "deadline_exceeded")


@pytest.mark.parametrize("everything", [True, {"points_per_side": 0}, {"points_per_side": 129}])
async def test_a_grid_that_cannot_be(door: Door, everything: Any) -> None:
    answer = await door.post("/preannotate", body(task()) | {"everything": everything})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert door.graph.explored == []


@pytest.fixture
def finding() -> Door:
    """An ingress with a detector beside it."""
    return Door(finder="owlv2-1")


async def test_things_in_the_pictures_of_tasks_with_regions_and_without(finding: Door) -> None:
    asked = body(task(CAT), task(number=2)) | {"find": {"phrases": ["cat", "tram"], "threshold": 0.3}}
    first, second = (await finding.post("/preannotate", asked)).json()["results"]
    (_, one), (_, two) = finding.graph.finds
    assert [find.image.task for find in (one, two)] == [1, 2]
    assert (one.phrases, one.threshold, one.size) == (("cat", "tram"), 0.3, None)
    assert np.allclose(one.regions, [(0.40625, 0.2, 0.78359375, 0.55125)])
    assert two.regions.shape == (0, 4)
    assert finding.graph.priorities == [Priority.LATER] * 2
    assert (first["task"], first["boxes"], first["masks"], first["left_out"]) == (1, 0, 2, [])
    assert (second["model_version"], second["score"]) == ("owlv2-1+classical-3", 0.5)
    assert [each["value"]["brushlabels"] for each in second["result"]] == [["Cat"], ["Dog"]]
    assert second["made"] == [{"region": "", "results": 1, "score": 0.5}] * 2


async def test_labels_say_what_to_find_where_no_phrase_does(finding: Door) -> None:
    [result] = (await finding.post("/preannotate", body(task()) | {"find": {}})).json()["results"]
    assert finding.graph.finds[0][1].phrases == ("Cat", "Dog", "Bird")
    assert result["masks"] == 3


async def test_a_picture_with_nothing_of_it_is_an_answer(finding: Door) -> None:
    finding.graph.found = 0
    [result] = (await finding.post("/preannotate", body(task()) | {"find": {}})).json()["results"]
    assert (result["masks"], result["result"], result["left_out"]) == (0, [], [])
    assert (result["model_version"], result["score"]) == ("owlv2-1+classical-3", 0.0)


@pytest.mark.parametrize("error", [ImageMissing("there is no such file"), BadPrompt("over 14 tokens")])
async def test_a_picture_that_cannot_be_searched_is_left_out(finding: Door, error: ServiceError) -> None:
    finding.graph.error = error
    answer = await finding.post("/preannotate", body(task()) | {"find": {}})
    await finding.settle()
    [result] = answer.json()["results"]
    assert result["left_out"] == [{"region": "", "error": error.code, "detail": error.detail}]


async def test_labels_that_cannot_be_found_are_left_out_with_the_reason(finding: Door) -> None:
    config = '<View><Image name="image" value="$image"/><Brush name="brush" toName="image"/></View>'
    asked = body(task()) | {"find": {}, "label_config": config}
    [result] = (await finding.post("/preannotate", asked)).json()["results"]
    assert result["left_out"][0]["detail"].startswith("the labeling config has no labels for masks")


async def test_nothing_is_found_without_a_detector(door: Door) -> None:
    answer = await door.post("/preannotate", body(task()) | {"find": {}})
    assert (answer.status_code, answer.json()["error"]) == (422, "bad_prompt")
    assert "set FINDER to owlv2_base" in answer.json()["detail"]
    assert door.graph.finds == []


async def test_a_detector_that_takes_long_is_answered_in_time() -> None:
    door = Door(finder="owlv2-1", predict_timeout_s=0.05)
    door.graph.admission.clear()
    answer = await door.post("/preannotate", body(task()) | {"find": {}})
    assert (answer.status_code, answer.json()["error"]) == (504, "deadline_exceeded")


LIKE = {"image": "/data/upload/1/9.png", "task": 9, "box": [0.1, 0.2, 0.3, 0.4], "label": "Bird"}


async def test_what_looks_like_an_example_on_another_picture(finding: Door) -> None:
    unlike = {"image": "/data/upload/1/8.png", "box": [0.5, 0.5, 1, 1]}
    asked = {"like": [LIKE, LIKE | {"label": None}], "not_like": [unlike], "threshold": 0.3}
    answer = await finding.post("/preannotate", body(task(CAT), task(number=2)) | {"find": asked})
    first, second = answer.json()["results"]
    assert [source.value for source, _, _ in finding.graph.examples] == [LIKE["image"]] * 2 + [
        unlike["image"]
    ]
    (source, box, priority) = finding.graph.examples[0]
    assert (source.project, source.task, box, priority) == ("3", 9, (0.1, 0.2, 0.3, 0.4), Priority.LATER)
    (_, find), _ = finding.graph.finds
    assert find.vectors is not None
    assert (find.vectors.finder, find.phrases, find.classes) == ("owlv2-1", (), (0, 1))
    assert np.allclose(find.vectors.meant, [(0.1, 0.2, 0.3, 0.4)] * 2)
    assert np.allclose(find.vectors.not_meant, [(0.5, 0.5, 1, 1)])
    assert len(find.regions) == 1
    assert [output.labels for output in find.outputs] == [("Bird",), ("Dog",)]
    assert (first["masks"], second["model_version"]) == (2, "owlv2-1+classical-3")


async def test_a_request_without_tasks_tells_whether_examples_can_be_used(finding: Door) -> None:
    asked = body() | {"find": {"like": [LIKE]}}
    assert (await finding.post("/preannotate", asked)).json() == {"results": []}
    finding.graph.error = BadPrompt("the detector sees no object there")
    answer = await finding.post("/preannotate", asked)
    assert (answer.status_code, answer.json()["detail"]) == (422, "the detector sees no object there")


async def test_examples_of_two_detectors_are_asked_for_again(finding: Door) -> None:
    finding.graph.finders = ["owlv2-1", "owlv2-2"]
    answer = await finding.post("/preannotate", body(task()) | {"find": {"like": [LIKE, LIKE]}})
    assert answer.status_code == 503
    assert finding.graph.finds == []


@pytest.mark.parametrize(
    ("find", "status"),
    [
        ({"phrases": []}, 422),
        ({"phrases": [" "]}, 422),
        ({"phrases": [f"a{number}" for number in range(10_000)]}, 422),
        ({"phrases": ["a" * 3_000_000]}, 422),
        ({"phrases": [1]}, 400),
        ({"phrases": "cat"}, 400),
        ({"threshold": 2}, 400),
        ({"like": [LIKE], "phrases": ["cat"]}, 400),
        ({"not_like": [LIKE]}, 422),
        ({"like": [LIKE] * 17}, 422),
        ({"like": [{"image": "/a.png"}]}, 400),
        (True, 400),
    ],
)
async def test_what_cannot_be_found(finding: Door, find: Any, status: int) -> None:
    answer = await finding.post("/preannotate", body(task()) | {"find": find})
    assert answer.status_code == status, answer.text
    assert finding.graph.finds == []
