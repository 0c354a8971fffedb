"""The first hour as the docs tell it: their own lines, from a real Label Studio to a data set."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from pycocotools.coco import COCO

from testing.canary import WATCH
from testing.data_sets import filled, yolo_lines
from testing.doc_blocks import lines_with
from testing.label_studio_masks import Mask, iou
from testing.running_app import ROOT, RunningApp, inherited
from testing.scenes import scene
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.studio import positive

pytestmark = [pytest.mark.label_studio, pytest.mark.cluster]

README = ROOT / "README.md"
COMPOSE = ROOT / "cluster" / "README.md"
WIDTH, HEIGHT = 320, 240
KNOWN = {f"scene{seed}": scene(seed, WIDTH, HEIGHT) for seed in (1, 4)}


@dataclass(frozen=True)
class Reader:
    """Somebody with a clone and a folder of pictures, in whose terminal README's variables are set."""

    clone: Path
    home: Path
    variables: dict[str, str] = field(repr=False)

    def types(self, line: str, **variables: str) -> str:
        """What lines of the docs print; each has to end well and say no secret."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self.clone,
            env={**inherited(), "HOME": str(self.home), **self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=300,
        )
        WATCH.look(done.stdout + done.stderr, line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def reader(
    label_studio: LabelStudioServer, backend: RunningApp, tmp_path_factory: pytest.TempPathFactory
) -> Reader:
    clone, home = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("home")
    (clone / "cluster").mkdir()  # of their own, since they write a file there
    for entry in (*ROOT.iterdir(), *(ROOT / "cluster").iterdir()):
        if entry.name not in (".git", ".venv", ".env", "cluster"):
            (clone / entry.relative_to(ROOT)).symlink_to(entry)
    (clone / ".venv" / "bin").mkdir(parents=True)
    program = clone / ".venv" / "bin" / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    (home / "pictures").mkdir()
    for name, known in KNOWN.items():
        Image.fromarray(known.rgb).save(home / "pictures" / f"{name}.png")
    [export] = lines_with(README, "export LABEL_STUDIO_URL")
    assert "LABEL_STUDIO_API_KEY=…" in export
    variables = {
        "PATH": f"{clone}/.venv/bin:{os.environ['PATH']}",
        "PORT": backend.url.rpartition(":")[2],
        "LABEL_STUDIO_URL": label_studio.url,
        "LABEL_STUDIO_API_KEY": label_studio.api.personal_access_token(),
    }
    return Reader(clone, home, variables)


def wanted(name: str) -> Mask:
    """The first thing of the picture that became a file of this name in Label Studio."""
    [known] = [known for picture, known in KNOWN.items() if f"-{picture}-" in name]
    return known.masks[0]


def number_in(studio: LabelStudioServer, said: str) -> int:
    """The project whose page the command printed last of all addresses."""
    return int(said.rpartition(f"{studio.url}/projects/")[2].partition("/")[0])


def annotate(studio: LabelStudioServer, number: int) -> None:
    """Click once on the first thing of each picture, accept and submit."""
    (row,) = studio.api.backends(number)
    for task in studio.api.tasks(number):
        click = positive(wanted(task["data"]["image"]), "Dog")
        regions = studio.api.click(row["id"], task["id"], [click])["data"]["result"]
        studio.api.call("POST", f"/api/tasks/{task['id']}/annotations/", json={"result": regions})


@pytest.fixture(scope="module")
def project(reader: Reader, label_studio: LabelStudioServer) -> int:
    """What README's line makes, once each picture is annotated."""
    [line] = lines_with(README, "--images ~/pictures")
    said = reader.types(line)
    assert "2 imported" in said
    assert "in the middle: a mask of " in said
    number = number_in(label_studio, said)
    annotate(label_studio, number)
    return number


def of_project(line: str, number: int) -> str:
    """A line of the docs with a reader's own project."""
    assert "--project 3 " in line
    return line.replace("--project 3 ", f"--project {number} ")


@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't:DeprecationWarning"
)  # pycocotools with NumPy 2
def test_readmes_data_set_is_read_by_pycocotools(
    reader: Reader, project: int, capsys: pytest.CaptureFixture[str]
) -> None:
    [line] = lines_with(ROOT / "docs" / "exports.md", "--format coco")
    assert line in README.read_text()
    assert "2 objects on 2 pictures of 2 tasks" in reader.types(of_project(line, project))
    data = COCO(reader.clone / "animals" / "instances.json")
    capsys.readouterr()  # it prints
    assert [each["name"] for each in data.loadCats(data.getCatIds())] == ["Cat", "Dog"]
    for picture in data.loadImgs(data.getImgIds()):
        [found] = data.loadAnns(data.getAnnIds(picture["id"]))
        assert data.loadCats(found["category_id"])[0]["name"] == "Dog"
        assert iou(data.annToMask(found) > 0, wanted(picture["file_name"])) > 0.9


def test_the_yolo_line_of_the_docs(reader: Reader, project: int) -> None:
    [line] = lines_with(ROOT / "docs" / "exports.md", "--format yolo-seg")
    assert "2 objects" in reader.types(of_project(line, project))
    labels = sorted((reader.clone / "animals-yolo" / "labels").rglob("*.txt"))
    assert len(labels) == len(KNOWN)
    for path in labels:
        [(class_id, points)] = yolo_lines(path)
        mask = filled([points * (WIDTH, HEIGHT)], WIDTH, HEIGHT)
        assert class_id == 1
        assert iou(mask, wanted(path.name)) > 0.9


def test_the_line_of_the_templates(reader: Reader, project: int, label_studio: LabelStudioServer) -> None:
    [line] = lines_with(ROOT / "docs" / "templates.md", "connect --template")
    # Without --project it is the one that has annotations, whose config stays as it is.
    said = reader.types(f"{line} --project templates")
    number = number_in(label_studio, said)
    assert number != project
    config = label_studio.api.call("GET", f"/api/projects/{number}/")["label_config"]
    assert 'value="Cat"' in config
    assert 'value="Dog"' in config


def test_the_lines_with_compose(
    reader: Reader, project: int, label_studio: LabelStudioServer, backend: RunningApp
) -> None:
    secrets, *_ = lines_with(COMPOSE, "cluster/.env)")
    reader.types(secrets)
    file = reader.clone / "cluster" / ".env"
    assert file.stat().st_mode & 0o777 == 0o600
    password, token = file.read_text().splitlines()
    assert re.fullmatch("LABEL_STUDIO_PASSWORD=.{16}", password)
    assert re.fullmatch("LABEL_STUDIO_API_KEY=[0-9a-f]{40}", token)
    # Compose's Label Studio would take that token; this one has made its own.
    file.write_text(f"{password}\nLABEL_STUDIO_API_KEY={reader.variables['LABEL_STUDIO_API_KEY']}\n")
    [read] = lines_with(COMPOSE, "set -a")
    [connect] = lines_with(COMPOSE, "-m serve_app connect")
    for theirs, here in (("http://127.0.0.1:8080", label_studio.url), ("http://backend:9090", backend.url)):
        assert theirs in connect
        connect = connect.replace(theirs, here)
    none = {"LABEL_STUDIO_URL": "", "LABEL_STUDIO_API_KEY": "", "PORT": ""}
    said = reader.types(f"{read}\n{connect} --project compose", **none)
    assert number_in(label_studio, said) != project


def test_label_studio_runs_here_as_readme_starts_it(label_studio: LabelStudioServer) -> None:
    [line] = lines_with(README, "label-studio start")
    *variables, program, command = line.split()
    assert (program, command) == ("label-studio", "start")
    assert dict(each.split("=") for each in variables) == label_studio.settings
