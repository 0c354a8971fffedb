"""From annotations in the real Label Studio to data sets: ours, and its own beside them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from serve_app.cli.main import app as command_line
from testing.annotated import EACH_KIND, HEIGHT, LABEL_CONFIG, WIDTH, Known
from testing.canary import WATCH
from testing.data_sets import coco_mask, filled, lines, yolo_lines
from testing.label_studio_masks import iou
from tests.real_label_studio.own_exports import OWN_FORMATS, Found, own_export
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.label_studio

Json = Any
WITHOUT_POINTS = re.sub(r"<KeyPointLabels.*?</KeyPointLabels>", "", LABEL_CONFIG)
KNOWN: dict[str, Known] = {kind: make() for kind, make in EACH_KIND.items()}

_BRUSH_ONLY = {"brush": "1.00"}
_BRUSH_TO_COCO = {
    "brush": "0.68, 2 objects",  # the hole is filled, and the spot is an object of its own
    "polygon": "1.00",
    "rectangle": "1.00",
    "turned rectangle": "0.28",
}
_OF_BRUSHES = {"BRUSH_TO_PNG": _BRUSH_ONLY, "BRUSH_TO_NUMPY": _BRUSH_ONLY, "BRUSH_TO_COCO": _BRUSH_TO_COCO}
OWN: dict[str, dict[str, str]] = {
    "COCO": {
        "polygon": "1.00, class default",
        "rectangle": "1.00, class default",
        "turned rectangle": "0.46, class default",
    },
    "YOLO": {"rectangle": "1.00", "turned rectangle": "0.28"},
    "YOLO_OBB": {"rectangle": "1.00", "turned rectangle": "0.28"},
    **_OF_BRUSHES,
}
"""What is in Label Studio's own exports of a project with keypoints, and how well each agrees."""
OWN_WITHOUT_POINTS: dict[str, dict[str, str]] = {
    "COCO": {"polygon": "1.00", "rectangle": "1.00", "turned rectangle": "0.46"},
    "YOLO": {"polygon": "1.00", "rectangle": "1.00", "turned rectangle": "0.28"},
    "YOLO_OBB": {"polygon": "1.00", "rectangle": "1.00", "turned rectangle": "1.00"},
    **_OF_BRUSHES,
}
"""The same of a project without."""


@dataclass(frozen=True)
class Animals:
    """A project with a task for each kind of region, and one more; ``tasks``: kinds by the ids of tasks."""

    studio: LabelStudioServer
    project: int
    tasks: dict[int, str]

    def export(self, *arguments: str) -> Result:
        """What an operator runs. No output of it may have a secret in it."""
        command = [
            "export",
            "--project",
            str(self.project),
            "--label-studio-url",
            self.studio.url,
            *arguments,
        ]
        env = {"LABEL_STUDIO_API_KEY": self.studio.api.personal_access_token()}
        done = CliRunner().invoke(command_line, command, env=env)
        WATCH.look(done.stdout + done.stderr, "what export printed")
        return done

    def agreements(self, objects: list[Found]) -> dict[str, str]:
        """How each kind that is there came out: the agreement of its best object, and what else is wrong."""
        found = {}
        for task, kind in self.tasks.items():
            known = KNOWN[kind]
            # Label Studio puts eight digits before the name of an upload.
            name = re.compile(rf"(^|[0-9a-f]{{8}}-){slug(kind)}\.")
            own = [each for each in objects if each.picture == str(task) or name.search(f"{each.picture}.")]
            if not own:
                continue
            best = max(iou(each.mask, known.truth) for each in own)
            label = known.region["value"][known.region["type"]][0]
            wrong = sorted({each.label for each in own} - {label})
            several = f", {len(own)} objects" if len(own) > 1 else ""
            found[kind] = f"{best:.2f}{several}" + (f", class {', '.join(wrong)}" if wrong else "")
        return found


def slug(kind: str) -> str:
    return kind.replace(" ", "-")


def animals(studio: LabelStudioServer, config: str, folder: Path) -> Animals:
    project = studio.api.create_project("animals", config)
    paths = []
    for name in (*map(slug, KNOWN), "one-more"):
        paths.append(folder / f"{name}.png")
        Image.new("RGB", (WIDTH, HEIGHT), "white").save(paths[-1])
    *numbers, one_more = studio.api.upload(project, *paths)
    tasks = dict(zip(numbers, KNOWN, strict=True))
    # Of one brush alone Label Studio exports a picture without a name.
    for task, kind in {**tasks, one_more: "brush"}.items():
        result = {"result": [KNOWN[kind].region]}
        studio.api.call("POST", f"/api/tasks/{task}/annotations/", json=result)
    return Animals(studio, project, tasks)


@pytest.fixture(scope="module")
def desk(label_studio: LabelStudioServer, tmp_path_factory: pytest.TempPathFactory) -> Animals:
    return animals(label_studio, LABEL_CONFIG, tmp_path_factory.mktemp("pictures"))


def ours(out: Path) -> list[Found]:
    """The objects of our COCO file."""
    content = json.loads((out / "instances.json").read_text())
    names = {each["id"]: each["name"] for each in content["categories"]}
    tasks = {each["id"]: str(each["task_id"]) for each in content["images"]}
    return [
        Found(
            tasks[each["image_id"]],
            names[each["category_id"]],
            coco_mask(each["segmentation"], WIDTH, HEIGHT),
        )
        for each in content["annotations"]
    ]


def check(agreements: dict[str, str], least: float) -> None:
    """Every kind is there, once and of its class, and agrees."""
    assert list(agreements) == list(KNOWN)
    for kind, agreement in agreements.items():
        assert float(agreement) >= least, kind


def test_from_annotations_to_coco(desk: Animals, tmp_path: Path) -> None:
    out = tmp_path / "coco"
    done = desk.export("--format", "coco", "--out", str(out))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"8 objects on 8 pictures of 8 tasks in {out}, 0 left out\n")
    assert len(ours(out)) == len(KNOWN) + 1
    assert desk.export("--format", "coco", "--out", str(out)).exit_code == 1, "a finished one stays as it is"


def test_only_the_star_counts_and_skips_never_do(desk: Animals, tmp_path: Path) -> None:
    api = desk.studio.api
    first, second, *_ = desk.tasks
    region = KNOWN["polygon"].region
    skipped = api.call("POST", f"/api/tasks/{first}/annotations/", json={"result": [], "was_cancelled": True})
    starred = api.call(
        "POST", f"/api/tasks/{second}/annotations/", json={"result": [region], "ground_truth": True}
    )
    try:
        done = desk.export("--only-accepted", "--out", str(tmp_path / "starred"))
        assert done.exit_code == 0, done.stderr
        assert [each["annotation"] for each in lines(tmp_path / "starred" / "pictures.jsonl")] == [
            starred["id"]
        ]
        done = desk.export("--out", str(tmp_path / "all"))
        assert "8 objects on 8 pictures" in done.stdout
    finally:
        for each in (skipped, starred):
            api.call("DELETE", f"/api/annotations/{each['id']}/")


def test_a_project_that_is_not_there(desk: Animals, tmp_path: Path) -> None:
    out = str(tmp_path / "none")
    done = CliRunner().invoke(
        command_line,
        ["export", "--project", "4711", "--label-studio-url", desk.studio.url, "--out", out],
        env={"LABEL_STUDIO_API_KEY": desk.studio.api.personal_access_token()},
    )
    assert (done.exit_code, done.stderr) == (
        1,
        "export: Label Studio has no project 4711 that this token may see\n",
    )


def test_what_label_studios_own_exports_do(desk: Animals, tmp_path: Path) -> None:
    """What docs/exports.md says of them holds for the version that is tested."""
    plain = animals(desk.studio, WITHOUT_POINTS, tmp_path)
    for project, expected in ((desk, OWN), (plain, OWN_WITHOUT_POINTS)):
        for name in OWN_FORMATS:
            found = project.agreements(own_export(project.studio.api, project.project, name))
            assert found == expected[name], name


@pytest.mark.parametrize(("flags", "least"), [((), 0.99), (("--polygons",), 0.97)])
def test_our_coco(desk: Animals, tmp_path: Path, flags: tuple[str, ...], least: float) -> None:
    assert desk.export("--out", str(tmp_path / "coco"), *flags).exit_code == 0
    found = desk.agreements(ours(tmp_path / "coco"))
    assert {kind: float(agreement) >= least for kind, agreement in found.items()} == dict.fromkeys(
        KNOWN, True
    )


def test_our_yolo_with_its_pictures(desk: Animals, tmp_path: Path) -> None:
    done = desk.export("--format", "yolo-seg", "--images", "--out", str(tmp_path / "yolo"))
    assert done.exit_code == 0, done.stderr
    classes = (tmp_path / "yolo/classes.txt").read_text().split("\n")
    found = [
        Found(path.name, classes[class_id], filled([points * (WIDTH, HEIGHT)], WIDTH, HEIGHT))
        for path in (tmp_path / "yolo/labels/train").iterdir()
        for class_id, points in yolo_lines(path)
    ]
    agreements = desk.agreements(found)
    assert {kind: float(agreement) >= 0.97 for kind, agreement in agreements.items()} == dict.fromkeys(
        KNOWN, True
    )
    pictures = sorted(path.stem for path in (tmp_path / "yolo/images/train").iterdir())
    assert pictures == sorted(path.stem for path in (tmp_path / "yolo/labels/train").iterdir())
    with Image.open(tmp_path / "yolo/images/train" / f"{pictures[0]}.png") as picture:
        assert picture.size == (WIDTH, HEIGHT)
