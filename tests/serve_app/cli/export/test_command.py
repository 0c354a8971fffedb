from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tenacity import wait_none

from exports import output_folder
from exports.formats.coco import Coco
from exports.output_folder import OutputFolder
from label_studio.tasks import ATTEMPTS
from testing.annotated import annotation, bitmask_region, brush, ellipse, polygon, rectangle, region
from tests.serve_app.cli.export.desk import Desk

FORMATS = ("coco", "yolo-seg", "yolo", "png", "numpy", "geojson", "labelme")


def test_what_a_person_is_told(desk: Desk) -> None:
    desk.add(brush().region, polygon().region)
    desk.add(region("keypoint", {"x": 1, "y": 1, "width": 1}), rectangle().region)
    result = desk.run()
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"3 objects on 2 pictures of 2 tasks in {desk.out}, 0 left out",
        "1 keypoints have no area and are no objects",
        f"which picture is of which task: {desk.out / 'pictures.jsonl'}",
    ]
    assert desk.files() == ["classes.txt", "instances.json", "pictures.jsonl"]


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_broken_is_left_out_and_told_and_the_rest_goes_on(desk: Desk, name: str) -> None:
    good = polygon().region
    desk.add(region("brush", {"rle": [1, 2, 3]}), good)
    desk.add(brush(None).region, good)
    desk.studio.tasks.append({"id": 3, "data": {"text": "x"}, "annotations": [annotation(good)]})
    desk.add(good)
    result = desk.run("--format", name)
    assert result.exit_code == 1
    assert result.stdout.startswith("3 objects on 3 pictures of 4 tasks in ")
    said = [(each["task"], each["region"], each["why"]) for each in desk.lines("left-out.jsonl")]
    assert said == [
        (1, "brush-1", "region brush-1: the brush RLE is not that of an image of 320 x 200 pixels"),
        (2, "brush-1", "region brush-1 has no label; give it one in Label Studio"),
        (
            3,
            "",
            'task 3: data["image"], which <Image name="image"> shows, is missing: the task has "text"; '
            "import the task with that key",
        ),
    ]
    for task, _, why in said:
        assert f"task {task}: {why}" in result.stderr
    assert f"what is left out, and why: {desk.out / 'left-out.jsonl'}" in result.stdout


def test_a_project_that_is_not_there(desk: Desk) -> None:
    result = desk.run(project=9)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "export: Label Studio has no project 9 that this token may see\n"
    assert not desk.out.exists()


def test_a_token_without_rights(desk: Desk) -> None:
    result = desk.run(token="other")
    assert result.exit_code == 1
    assert "Label Studio answered 401 to the legacy token that this command was given" in result.stderr
    desk.add(polygon().region)
    desk.studio.refuse["GET /api/tasks/1/annotations/"] = httpx.Response(403)
    result = desk.run()
    assert result.exit_code == 1
    assert "Label Studio answered 403" in result.stderr
    assert result.stdout.endswith("run the same command again to continue; what is written is kept\n")


def test_only_accepted_annotations(desk: Desk) -> None:
    desk.add(polygon("Cat").region)
    desk.add(polygon("Bird").region, ground_truth=True)
    desk.add(polygon("Bird").region, last_action="fixed_and_accepted")
    desk.add(polygon("Bird").region, reviews=[{"accepted": False}, {"accepted": True}])
    desk.add(polygon("Cat").region, reviews=[{"accepted": True}, {"accepted": False}])
    result = desk.run("--only-accepted")
    assert result.exit_code == 0
    assert "2 tasks have no annotation that counts" in result.stdout
    assert [image["task_id"] for image in desk.json("instances.json")["images"]] == [2, 3, 4]


def test_of_several_annotations_one_counts(desk: Desk) -> None:
    one, two, three = (polygon(name).region for name in ("Cat", "Dog", "Bird"))
    desk.add_task(annotation(one, number=1), annotation(two, number=2))
    desk.add_task(annotation(one, number=3, ground_truth=True), annotation(three, number=4))
    desk.add_task(annotation(one, number=5), annotation(three, number=6, was_cancelled=True))
    result = desk.run()
    assert "2 tasks have several annotations: an accepted one counts, or else the newest" in result.stdout
    assert [each["objects"][0]["label"] for each in desk.lines("pictures.jsonl")] == ["Dog", "Cat", "Cat"]


@pytest.mark.slow
def test_splits_keep_their_tasks(desk: Desk) -> None:
    for _ in range(20):
        desk.add(polygon().region)
    told = desk.told("--format", "yolo", "--split", "train=3, val=1")
    assert (told["exit"], told["pictures"]) == (0, 20)
    parts = {each["task"]: each["split"] for each in desk.lines("pictures.jsonl")}
    assert 9 <= sum(part == "train" for part in parts.values()) < 20
    for task, part in parts.items():
        assert (desk.out / f"labels/{part}/{task}.txt").exists()
    assert "train: images/train\nval: images/val\n" in (desk.out / "data.yaml").read_text()
    desk.studio.tasks = desk.studio.tasks[5:]
    desk.out = desk.out.with_name("again")
    desk.run("--format", "coco", "--split", "train=75,val=25")
    for part in ("train", "val"):
        images = desk.json(f"instances_{part}.json")["images"]
        assert [image["task_id"] for image in images] == [t for t in range(6, 21) if parts[t] == part]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--split", "80,20"], "--split must look like train=80,val=20"),
        (["--split", "train=x"], "--split train needs a number, as in train=80"),
        (["--split", "train=0"], "--split train needs a number over 0"),
        (["--split", "../x=1"], "must look like"),
        (["--split", "a=1,A=1"], "each name once"),
        (["--format", "yolo", "--polygons"], "--polygons works only with --format coco"),
        (["--token", ""], "A token is needed"),
        (["--format", "voc"], "--format voc: must be coco,"),
    ],
)
def test_what_is_asked_wrongly_is_refused(desk: Desk, arguments: list[str], said: str) -> None:
    result = desk.run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr.splitlines()[-1]
    assert not desk.out.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_an_interrupted_export_goes_on_where_it_stopped(
    desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = (brush, polygon, rectangle, bitmask_region, ellipse)
    for number in range(12):
        desk.add(make[number % 5]().region, *([brush(None).region | {"id": "x"}] if number == 3 else []))
    whole = desk.told("--format", name, "--split", "train=1,val=1")
    files = {file: (desk.out / file).read_bytes() for file in desk.files()}
    desk.out = desk.out.with_name("interrupted")
    desk.studio.opened.clear()
    adding = OutputFolder.add_line
    gone_through = iter(range(7))

    def interrupted(self: OutputFolder, file: str, record: Any) -> None:
        adding(self, file, record)
        if file == "pictures.jsonl" and next(gone_through, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(OutputFolder, "add_line", interrupted)
    stopped = desk.told("--format", name, "--split", "train=1,val=1")
    assert (stopped["exit"], stopped["whole"], stopped["tasks"]) == (130, False, 7)
    monkeypatch.undo()
    again = desk.told("--format", name, "--split", "train=1,val=1")
    assert again == whole | {"out": str(desk.out)}
    # .npz files have the time of day in them.
    alike = [file for file in files if not file.endswith(".npz")]
    assert desk.files() == sorted(files)
    for file in alike:
        assert (desk.out / file).read_bytes() == files[file], file
    assert desk.studio.opened == [*range(1, 9), *range(8, 13)]


def test_an_export_of_something_else_is_not_gone_on_with(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.add(polygon().region)
    monkeypatch.setattr(Coco, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert desk.run().exit_code == 130
    monkeypatch.undo()
    with_splits = desk.run("--split", "a=1,b=1")
    assert with_splits.exit_code == 1
    assert "holds an interrupted export with other options (--split)" in " ".join(with_splits.stderr.split())
    assert desk.run().exit_code == 0
    finished = desk.run()
    assert finished.exit_code == 1
    assert "is not empty, and holds no interrupted export; name another folder" in finished.stderr


def test_a_full_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        desk.add(brush().region)
    real = Path.open

    def full(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path.name.startswith("3.png"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    result = desk.run("--format", "png")
    assert result.exit_code == 1
    assert "3.png: No space left on device; make room and run the same command again" in result.stderr
    assert result.stdout.startswith("2 objects on 2 pictures of 2 tasks")
    monkeypatch.undo()
    assert desk.told("--format", "png")["pictures"] == 5


def test_a_place_that_cannot_be_written(desk: Desk) -> None:
    desk.out.write_text("a file")
    result = desk.run()
    assert (result.exit_code, result.stderr) == (1, f"export: cannot write {desk.out}: File exists\n")


def test_a_restart_of_label_studio_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("label_studio.tasks.BACK_OFF", wait_none())
    desk.add(polygon().region)
    desk.add(polygon().region)
    path = "GET /api/tasks/2/annotations/"
    desk.studio.refuse[path] = httpx.Response(502)
    result = desk.run()
    assert result.exit_code == 1
    assert "HTTP 502" in result.stderr
    assert len(desk.studio.refused) == ATTEMPTS
    del desk.studio.refuse[path]
    result = desk.run()
    assert result.exit_code == 0
    assert "continuing after task 1" in result.stderr


def test_a_task_that_is_deleted_meanwhile(desk: Desk) -> None:
    desk.add(polygon().region)
    desk.studio.refuse["GET /api/tasks/1/annotations/"] = httpx.Response(404)
    desk.add(polygon().region)
    assert desk.told()["left_out"] == 1
    [left_out] = desk.lines("left-out.jsonl")
    assert left_out == {"task": 1, "region": "", "why": "the task was deleted while it was exported"}


def test_labels_that_the_config_does_not_have_come_last(desk: Desk) -> None:
    desk.add(polygon("Whale").region, polygon("Bird").region | {"id": "2"})
    result = desk.run()
    assert "labels that the labeling config does not have come behind its own: Whale" in result.stdout
    content = desk.json("instances.json")
    assert [each["name"] for each in content["categories"]] == ["Dog", "Cat", "Bird", "Whale"]
    assert [each["category_id"] for each in content["annotations"]] == [4, 3]


def test_pictures_with_one_name_keep_apart(desk: Desk) -> None:
    for _ in range(2):
        desk.add(polygon().region, name="a.jpg")
    desk.add(polygon().region, name="A.png")
    desk.run("--format", "labelme")
    assert [each["picture"] for each in desk.lines("pictures.jsonl")] == ["a.jpg", "a-2.jpg", "A-3.png"]


def test_what_is_no_list_of_annotations(desk: Desk) -> None:
    desk.add(polygon().region)
    desk.studio.refuse["GET /api/tasks/1/annotations/"] = httpx.Response(200, json={"a": 1})
    result = desk.run()
    assert result.exit_code == 1
    assert "does not show annotations as Label Studio does" in result.stderr


def test_a_damaged_state(desk: Desk) -> None:
    desk.out.mkdir()
    (desk.out / output_folder.STATE).write_text(json.dumps({"asked": 1}))
    result = desk.run()
    assert result.exit_code == 1
    assert ".export-state.json is damaged; remove " in result.stderr
