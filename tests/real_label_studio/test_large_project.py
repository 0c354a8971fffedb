"""Thousands of tasks in the real Label Studio get masks: memory stays, nothing is lost or stored twice."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from testing import processes
from testing.applications import Applications, application
from testing.canary import WATCH
from testing.command_process import python
from testing.running_app import inherited
from testing.scenes import Scene, scene
from tests.real_label_studio.boxes import CONFIG, HEIGHT, WIDTH, boxes
from tests.real_label_studio.desk import Desk
from tests.real_label_studio.server import LabelStudioServer

pytestmark = [pytest.mark.label_studio, pytest.mark.full]

Json = Any
TASKS, PICTURES, AT_ONCE = 2000, 8, 200
KILLED_AT, RESTARTED_AT = 300, 1100
SETTLED = 200
"""Tasks after which a process has what it needs, and its caches are full."""
GROWTH_MIB = 3.0, 8.0
"""What the command, and what each process that answers it, may take more in the second half; one is usual."""
NAME = "many"
REPLICAS = ("Ingress", "Decoder", "Encoder", "Fetcher")

logger = logging.getLogger(__name__)


@dataclass
class Memory:
    """MiB of the processes of an application, and of the command that asks it, by how much was done."""

    ancestor: int
    command: int
    samples: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def sample(self, done: int) -> None:
        """Take one."""
        seen = {"command": processes.memory_of(self.command).now}
        for pid, words in processes.descendants(self.ancestor):
            for name in REPLICAS:
                if words[0].startswith(f"ray::ServeReplica:{NAME}:{name}"):
                    with contextlib.suppress(OSError, KeyError):
                        seen[name] = processes.memory_of(pid).now
        self.samples.append((done, seen))

    def growth(self, settled: int, middle: int) -> dict[str, tuple[float, float]]:
        """Of each process the most it had between ``settled`` and ``middle``, and the most behind that."""
        return {
            name: (
                max(seen[name] for done, seen in self.samples if settled <= done < middle),
                max(seen[name] for done, seen in self.samples if middle <= done),
            )
            for name in ("command", *REPLICAS)
        }


def filled(studio: LabelStudioServer, backend: str) -> tuple[Desk, dict[int, Scene]]:
    """A project in which half of the tasks have annotated boxes, the others those of a detector. Each task
    has a picture of its own name."""
    folder = studio.files / NAME
    folder.mkdir()
    known = [scene(seed, WIDTH, HEIGHT) for seed in range(PICTURES)]
    for number, each in enumerate(known):
        Image.fromarray(each.rgb).save(folder / f"scene-{number}.png")
    tasks = []
    for number in range(TASKS):
        (folder / f"{number}.png").hardlink_to(folder / f"scene-{number % PICTURES}.png")
        result = boxes(known[number % PICTURES])
        made: Json = {"data": {"image": f"/data/local-files/?d={NAME}/{number}.png"}}
        if number % 2:
            made["annotations"] = [{"result": result}]
        else:
            made["predictions"] = [{"model_version": "detector", "score": 0.5, "result": result}]
        tasks.append(made)
    api = studio.api
    desk = Desk(studio, backend, api.create_project("many tasks", CONFIG))
    storage = {"project": desk.project, "path": str(folder), "use_blob_urls": True}
    api.call("POST", "/api/storages/localfiles/", json=storage)
    numbers: list[int] = []
    for start in range(0, TASKS, AT_ONCE):
        path = f"/api/projects/{desk.project}/import?return_task_ids=true"
        numbers += api.call("POST", path, json=tasks[start : start + AT_ONCE])["task_ids"]
    return desk, {task: known[number % PICTURES] for number, task in enumerate(numbers)}


def working(desk: Desk) -> AbstractContextManager[subprocess.Popen[str]]:
    """The command in a process of its own."""
    token = desk.studio.api.personal_access_token()
    arguments = ("-m", "serve_app", *desk.command("--boxes", "--json"))
    return python(*arguments, env={**inherited(), "LABEL_STUDIO_API_KEY": token})


def project(desk: Desk) -> Json:
    return desk.studio.api.call("GET", f"/api/projects/{desk.project}/")


def stored(desk: Desk) -> int:
    """Tasks that have masks by now."""
    return int(project(desk)["total_predictions_number"]) - TASKS // 2


@pytest.mark.timeout(2400)
def test_memory_stays_and_nothing_is_lost_or_stored_twice(
    applications: Applications, label_studio: LabelStudioServer
) -> None:
    """The command is killed in the middle, and so is Label Studio later."""
    args = {"model": "classical", "label_studio_url": label_studio.url, "cache_mib": 32, "refine_mib": 1}
    with applications.beside(application(NAME, args)):
        desk, scenes = filled(label_studio, applications.url(NAME))
        with working(desk) as process:
            while stored(desk) < KILLED_AT:
                assert process.poll() is None, process.communicate()
                time.sleep(0.5)
            process.kill()
        begun, restarted = stored(desk), False
        with working(desk) as process:
            started = time.monotonic()
            memory = Memory(applications.app.process.pid, process.pid)
            while process.poll() is None:
                with contextlib.suppress(FileNotFoundError, KeyError):  # it has just ended
                    memory.sample(done := stored(desk))
                    if done >= RESTARTED_AT and not restarted:
                        label_studio.restart()
                        restarted = True
                time.sleep(1)
            seconds = time.monotonic() - started
            output, errors = process.communicate()
        WATCH.look(output + errors, "what preannotate printed")
        told = json.loads(output)
        growth = memory.growth(begun + SETTLED, RESTARTED_AT)
        logger.info(
            "%d tasks in %.0f s; MiB by the middle, and at most behind it: %s", TASKS - begun, seconds, growth
        )
        assert restarted
        assert (process.returncode, errors, told["failures"]) == (0, "", [])
        # Of what was in work when the command was killed some was stored later than it was counted.
        assert told["stored"] + told["stored_before"] == TASKS
        found = desk.studio.api.call("GET", "/api/predictions/", params={"project": desk.project})
        made = [each for each in found if each["model_version"] == "classical-3"]
        assert Counter(each["task"] for each in made) == dict.fromkeys(scenes, 1)
        assert all(len(each["result"]) == len(scenes[each["task"]].masks) for each in made)
        assert project(desk)["total_annotations_number"] == TASKS // 2
        for name, (middle, end) in growth.items():
            assert end - middle <= GROWTH_MIB[name != "command"], (name, growth)
