"""The real Label Studio tells which tasks come next; their images are encoded before anybody opens them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from testing.app_metrics import total, until
from testing.running_app import RunningApp
from testing.scenes import scene
from tests.real_label_studio.fixtures import running_application
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.studio import Studio

pytestmark = pytest.mark.label_studio


@pytest.fixture(scope="module")
def app(label_studio: LabelStudioServer) -> Iterator[RunningApp]:
    token = label_studio.api.personal_access_token()
    with running_application(label_studio, token, PREFETCH_TASKS="2") as running:
        yield running


def test_the_next_unlabelled_tasks_are_encoded_when_one_is_opened_or_submitted(
    label_studio: LabelStudioServer, app: RunningApp, tmp_path: Path
) -> None:
    studio = Studio(label_studio, app.url)
    tasks = [_task(studio, tmp_path, number) for number in range(7)]
    studio.api.call("POST", f"/api/tasks/{tasks[1]}/annotations/", json={"result": []})
    # Submitting the second task had the third and fourth encoded.
    until(app, "ray_sam_images_encoded_total", 2)
    studio.api.call("GET", f"/api/tasks/{tasks[0]}")
    # Opening the first one: itself, and behind it the second is labelled, the third and fourth are there.
    until(app, "ray_sam_images_encoded_total", 3)
    studio.api.call("GET", f"/api/tasks/{tasks[3]}")
    until(app, "ray_sam_images_encoded_total", 5)
    until(app, "ray_sam_images_fetched_total", 5)  # the fetchers report at another time than the encoder
    assert total(app, "ray_sam_images_fetched_total") == 5


def _task(studio: Studio, folder: Path, number: int) -> int:
    name = f"{number}.png"
    Image.fromarray(scene(number, 160, 120).rgb).save(folder / name)
    return studio.api.upload(studio.project, folder / name)[0]
