"""`precompute` and `forget` between the real Label Studio and the application with a durable tier."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from serve_app.cli.main import app as command_line
from testing.canary import WATCH
from testing.running_app import RunningApp
from testing.scenes import scene
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.studio import CONFIG

pytestmark = pytest.mark.label_studio


@dataclass(frozen=True)
class Desk:
    """A Label Studio, the application that reads its images, and the folder where that keeps embeddings."""

    studio: LabelStudioServer
    app: RunningApp
    durable: Path

    def stored(self) -> int:
        """Embeddings in the folder."""
        return len(list(self.durable.rglob("*.safetensors")))

    def project(self, title: str, *images: Path) -> tuple[int, list[int]]:
        """Id of a new project, which no backend is connected to, and the ids of its tasks."""
        project = self.studio.api.create_project(title, CONFIG)
        return project, self.studio.api.upload(project, *images)

    def precompute(self, project: int, *arguments: str) -> Result:
        """What an operator runs."""
        return self.command("precompute", "--project", str(project), *arguments)

    def command(self, *arguments: str) -> Result:
        """A command between the two. No output of it may have a secret in it."""
        command = [*arguments, "--label-studio-url", self.studio.url, "--backend", self.app.url]
        env = {"LABEL_STUDIO_API_KEY": self.studio.api.personal_access_token()}
        done = CliRunner().invoke(command_line, command, env=env)
        WATCH.look(done.stdout + done.stderr, f"what {arguments[0]} printed")
        return done

    def reads(self, project: int) -> list[int]:
        """How often the image of each task of a project was read, which comes before each encode."""
        tasks = self.studio.api.tasks(project)
        return [self.studio.gets(task["data"]["image"].rpartition("/")[2]) for task in tasks]

    def told(self, project: int, *arguments: str) -> tuple[int, dict[str, Any]]:
        """(exit status, the JSON object), of which nothing else is printed."""
        done = self.precompute(project, "--json", *arguments)
        assert done.stderr == ""
        return done.exit_code, json.loads(done.stdout)


@pytest.fixture(scope="module")
def desk(label_studio: LabelStudioServer, backend: RunningApp, durable: Path) -> Desk:
    return Desk(label_studio, backend, durable)


def test_what_can_be_read_is_stored_once_and_the_rest_is_named(desk: Desk, tmp_path: Path) -> None:
    already = desk.stored()
    images = [_picture(tmp_path, seed) for seed in range(3)]
    broken = tmp_path / "broken.png"
    broken.write_bytes(images[0].read_bytes()[:40])
    project, tasks = desk.project("some can be read", images[0], broken, *images[1:])

    first = desk.precompute(project)
    assert first.exit_code == 1, first.stderr
    assert first.stdout.startswith("3 encoded, 0 stored before, 1 failed; 4 tasks in ")
    damaged = "the file is damaged or cut short; export or upload it again"
    [path] = [task["data"]["image"] for task in desk.studio.api.tasks(project) if task["id"] == tasks[1]]
    sentence = f"cannot read the image of task {tasks[1]}: {damaged}; its path is {path}"
    assert f"project {project}, task {tasks[1]}: {sentence} (image_corrupt)" in first.stderr.splitlines()
    assert desk.stored() == already + 3

    status, again = desk.told(project)
    assert (status, again["ok"], again["tasks"], again["images"]) == (1, False, 4, 4)
    assert (again["encoded"], again["stored"], again["failed"]) == (0, 3, 1)
    failure = {"project": project, "task": tasks[1], "code": "image_corrupt", "sentence": sentence}
    assert again["failures"] == [failure]

    desk.studio.api.upload(project, _picture(tmp_path, 3))
    status, more = desk.told(project)
    assert (status, more["encoded"], more["stored"], more["failed"]) == (1, 1, 3, 1)
    assert desk.stored() == already + 4
    assert desk.reads(project) == [1, 3, 1, 1, 1]


def test_annotated_tasks_are_left_out_if_asked_for(desk: Desk, tmp_path: Path) -> None:
    already = desk.stored()
    project, tasks = desk.project("one is annotated", *[_picture(tmp_path, seed) for seed in range(3)])
    desk.studio.api.call("POST", f"/api/tasks/{tasks[1]}/annotations/", json={"result": []})

    status, unlabelled = desk.told(project, "--only-unlabelled")
    assert (status, unlabelled["ok"], unlabelled["failures"]) == (0, True, [])
    assert (unlabelled["tasks"], unlabelled["encoded"], unlabelled["stored"]) == (2, 2, 0)
    assert desk.stored() == already + 2

    status, everything = desk.told(project)
    assert (status, everything["tasks"]) == (0, 3)
    assert (everything["encoded"], everything["stored"]) == (1, 2)
    assert desk.stored() == already + 3


def test_what_is_forgotten_is_gone_and_the_rest_is_not(desk: Desk, tmp_path: Path) -> None:
    already = desk.stored()
    project, tasks = desk.project("to be forgotten", *[_picture(tmp_path, seed) for seed in range(4)])
    assert desk.told(project)[0] == 0
    data = next(task["data"] for task in desk.studio.api.tasks(project) if task["id"] == tasks[3])
    by_task = desk.command("forget", "--task", str(tasks[0]), "--task", str(tasks[1]))
    assert (by_task.exit_code, by_task.stdout[:23]) == (0, "2 embeddings forgotten,"), by_task.stderr
    by_image = desk.command("forget", "--project", str(project), "--image", data["image"])
    assert by_image.stdout == "1 embeddings forgotten, 1 images checked\n", by_image.stderr
    assert desk.stored() == already + 1
    by_project = desk.command("forget", "--project", str(project), "--json")
    assert json.loads(by_project.stdout)["forgotten"] == 1
    assert desk.stored() == already
    _, again = desk.told(project)
    assert (again["encoded"], again["stored"]) == (4, 0)


def _picture(folder: Path, seed: int) -> Path:
    path = folder / f"{seed}.png"
    Image.fromarray(scene(seed, 160, 120).rgb).save(path)
    return path
