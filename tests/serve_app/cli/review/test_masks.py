"""The command `review --masks` between a backend, whose masks are boxes, and a Label Studio on loopback."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tenacity import wait_none

from protocol.predictions import encode_predict, prediction
from serve_app.cli.review import looked_at
from serve_app.cli.review.looked_at import Compared, LookedAt
from testing import annotated
from testing.annotated import annotation, brush, rectangle
from tests.serve_app.cli.fake_label_studio import LEGACY
from tests.serve_app.cli.precompute.bench import Bench
from tests.serve_app.cli.review.test_agreement import block, box

Json = Any
SCORES = "fake-1-second-look"


class Desk:
    """The command, and a project of every kind of region."""

    def __init__(self, bench: Bench) -> None:
        self.backend, self.studio = bench.backend, bench.studio
        self.bench = bench
        self.studio.projects[0]["label_config"] = annotated.LABEL_CONFIG

    def add(self, *annotations: Json) -> None:
        number = len(self.studio.tasks) + 1
        data = {"image": f"/data/upload/1/{number}.jpg"}
        self.studio.tasks.append({"id": number, "data": data, "annotations": list(annotations)})

    def run(self, *arguments: str) -> Any:
        options = ["--project", "1", "--label-studio-url", self.bench.studio_at, "--token", LEGACY]
        return self.bench.command("review", *options, "--masks", *arguments)

    def told(self, *arguments: str) -> Json:
        result = self.run("--json", *arguments)
        assert result.stdout, result.stderr
        return json.loads(result.stdout) | {"exit": result.exit_code}


@pytest.fixture
def desk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("label_studio.tasks.BACK_OFF", wait_none())
    return Desk(bench)


def test_the_region_that_agrees_least_comes_first(desk: Desk) -> None:
    desk.add(annotation(block(10, 10, 50, 30)))
    desk.add(annotation(brush().region, box(100, 20, 180, 60) | {"id": "box"}, number=2))
    told = desk.told()
    assert (told["exit"], told["tasks"], told["regions"], told["model_version"]) == (0, 2, 3, "fake-1")
    worst = told["worst"]
    assert [each["region"] for each in worst] == ["brush-1", "brush-1", "box"]
    assert [each["task"] for each in worst] == [2, 1, 2]
    assert worst[0]["iou"] < worst[1]["iou"] == worst[2]["iou"] == 1  # a ring and a spot fill no box
    assert worst[0] | {"iou": 0} == {
        "task": 2,
        "annotation": 2,
        "region": "brush-1",
        "label": "Cat",
        "kind": "brush",
        "iou": 0,
        "score": 0.9,
        "link": f"{desk.bench.studio_at}/projects/1/data?task=2",
    }
    assert told["mean_iou"] == pytest.approx((2 + worst[0]["iou"]) / 3, abs=1e-4)
    assert not desk.studio.changes
    sent = [each["type"] for each in desk.backend.bodies[-1]["tasks"][0]["annotations"][0]["result"]]
    assert sent[:2] == ["rectangle", "keypoint"]


def test_what_a_person_sees(desk: Desk) -> None:
    desk.add(annotation(brush().region))
    desk.add(annotation(block(10, 10, 50, 30), number=2))
    result = desk.run("--top", "1")
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if "data?task=" in line]
    assert len(lines) == 1
    assert "task=1" in lines[0]
    assert "Cat" in lines[0]
    assert "2 regions of 2 tasks with fake-1, mean IoU" in result.stdout
    assert "delete" not in result.stdout


def test_only_where_it_is_asked_for_are_scores_stored_and_each_once(desk: Desk) -> None:
    desk.add(annotation(brush().region, block(200, 20, 240, 40, id="block")))
    desk.add(annotation(rectangle().region, number=2))
    desk.add(annotation(number=3))
    for _ in range(2):
        assert desk.told("--store-scores")["stored"] == 2
    stored = desk.studio.predictions(SCORES)
    [first], [second] = stored[1], stored[2]
    assert first["result"] == second["result"] == []
    assert first["score"] == min(each["iou"] for each in desk.told()["worst"])
    assert second["score"] == pytest.approx(1, abs=0.01)
    options = ["--project", "1", "--label-studio-url", desk.bench.studio_at, "--token", LEGACY, "--delete"]
    desk.bench.command("preannotate", *options, "--model-version", SCORES)
    assert not any(desk.studio.predictions(SCORES).values())
    assert f"--delete --model-version {SCORES}" in desk.run("--store-scores").stdout


def test_what_cannot_be_looked_at_is_told_and_the_rest_goes_on(desk: Desk) -> None:
    desk.add(annotation(block(10, 10, 50, 30)))
    desk.add(annotation(block(10, 10, 50, 30), number=2))
    desk.add(annotation(block(10, 10, 50, 30), block(1, 1, 9, 9, id="b") | {"value": {}}, number=3))
    desk.add(annotation(block(10, 10, 50, 30), number=4))
    desk.backend.broken["/data/upload/1/1.jpg"] = ("image_missing", "there is no such image")
    desk.studio.refuse["GET /api/tasks/2/annotations/"] = httpx.Response(404)
    told = desk.told()
    assert (told["exit"], told["regions"], told["not_looked_at"], told["tasks"]) == (1, 2, 3, 4)
    said = {each["task"]: (each["region"], each["sentence"]) for each in told["failures"]}
    assert said[1] == ("brush-1", "there is no such image")
    assert "404" in said[2][1]
    assert said[3][0] == "b"
    result = desk.run()
    assert "task 1, region brush-1: there is no such image" in result.stderr
    assert "3 could not be looked at" in result.stdout


def test_where_the_model_finds_nothing_it_does_not_agree(desk: Desk) -> None:
    desk.add(annotation(block(10, 10, 50, 30)))
    left_out = [{"region": "brush-1", "error": "no_mask", "detail": "the model found nothing in it"}]
    masks = {"boxes": 1, "masks": 0, "left_out": left_out, "made": [], **prediction([], 0, "fake-1")}
    desk.backend.replies.append((200, encode_predict([masks]), {}))
    told = desk.told("--store-scores")
    assert (told["exit"], told["failures"], told["stored"]) == (0, [], 1)
    [worst] = told["worst"]
    assert (worst["region"], worst["iou"], worst["score"]) == ("brush-1", 0, 0)


def test_limits_and_options(desk: Desk) -> None:
    for number in range(1, 5):
        desk.add(annotation(block(10, 10, 50, 30), number=number))
    assert desk.told("--limit", "2", "--at-once", "1")["tasks"] == 2
    desk.backend.tells_made = False
    assert "it is too old" in desk.told()["stopped"]
    desk.studio.projects[0]["label_config"] = '<View><Image name="image" value="$image"/></View>'
    assert "has no control for masks" in desk.told()["stopped"]


def test_scores_without_masks_are_refused(bench: Bench) -> None:
    result = bench.command("review", "--project", "1", "--token", LEGACY, "--store-scores")
    assert result.exit_code == 2
    assert "--store-scores works only with --masks" in result.stderr


def test_of_many_regions_only_the_worst_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looked_at, "MOST", 3)
    found = LookedAt(1)
    for number in (5, 1, 9, 3, 7, 2):
        found.looked([Compared(number, 1, "r", "", "brush", number / 10, 0.5, "")])
    assert [each.iou for each in found.worst] == [0.1, 0.2, 0.3]
    assert (found.as_json()["untold"], found.as_json()["mean_iou"]) == (3, 0.45)
