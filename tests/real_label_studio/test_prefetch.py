"""The real Label Studio tells which tasks come next; their images are encoded before anybody opens them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from testing.running_app import RunningApp
from testing.scenes import scene
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.studio import Studio

pytestmark = pytest.mark.label_studio

WAIT_S = 60


def test_the_next_unlabelled_tasks_are_encoded_when_one_is_opened_or_submitted(
    label_studio: LabelStudioServer, backend: RunningApp, durable: Path, tmp_path: Path
) -> None:
    """Two of them, which is what `backend` is set to."""
    studio = Studio(label_studio, backend.url)
    tasks = [_task(studio, tmp_path, number) for number in range(7)]
    names = [studio.image_of(task).rpartition("/")[2] for task in tasks]
    stored = len(list(durable.rglob("*.safetensors")))

    def read() -> list[int]:
        """How often the image of each task was."""
        return [label_studio.gets(name) for name in names]

    studio.api.call("POST", f"/api/tasks/{tasks[1]}/annotations/", json={"result": []})
    # Submitting the second task had the third and fourth encoded.
    _until(lambda: read() == [0, 0, 1, 1, 0, 0, 0], read)
    studio.api.call("GET", f"/api/tasks/{tasks[0]}")
    # Opening the first one: itself, and behind it the second is labelled, the third and fourth are there.
    _until(lambda: read() == [1, 0, 1, 1, 0, 0, 0], read)
    studio.api.call("GET", f"/api/tasks/{tasks[3]}")
    _until(lambda: read() == [1, 0, 1, 1, 1, 1, 0], read)
    # What was encoded is kept, which is the last that is done with an image.
    _until(lambda: len(list(durable.rglob("*.safetensors"))) >= stored + 5, read)
    assert read() == [1, 0, 1, 1, 1, 1, 0]


def _task(studio: Studio, folder: Path, number: int) -> int:
    name = f"{number}.png"
    Image.fromarray(scene(number, 160, 120).rgb).save(folder / name)
    return studio.api.upload(studio.project, folder / name)[0]


def _until(true: Callable[[], bool], told: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)
