"""A project of a real Label Studio that is connected to the application: tasks come in, masks come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from protocol import config_template
from testing.label_studio_masks import Json, Mask, deepest, keypoint, region_mask
from testing.scenes import Scene, scene
from tests.real_label_studio.server import LabelStudioServer

WIDTH, HEIGHT = 640, 480
SHAPE = (HEIGHT, WIDTH)
KNOWN = scene(1, WIDTH, HEIGHT)
CONFIG = config_template.build(["Object", "Other"])
GOOD = 0.7  # one mask of the weightless segmenter may be this far off; the benchmark judges the mean


class Studio:
    """A project of one server, connected to the application."""

    def __init__(self, server: LabelStudioServer, backend_url: str, **backend: str) -> None:
        self.api = server.api
        self.server = server
        self.project = self.api.create_project("protocol", CONFIG)
        self.backend = self.api.add_backend(self.project, backend_url, **backend)

    def regions(self, task: int, *prompts: Json) -> list[Json]:
        """Regions that Label Studio would show for these prompts."""
        answer = self.api.click(self.backend, task, list(prompts))
        assert "errors" not in answer, answer
        regions: list[Json] = answer["data"]["result"]
        return regions

    def mask(self, task: int, *prompts: Json) -> Mask:
        """The one mask that Label Studio would show for these prompts."""
        (region,) = self.regions(task, *prompts)
        assert (region["type"], region["from_name"], region["to_name"]) == ("brushlabels", "brush", "image")
        assert 0 <= region["score"] <= 1
        assert len(region["id"]) >= 10
        return region_mask(region)

    def upload(self, folder: Path, name: str = "scene.png", known: Scene = KNOWN) -> int:
        """Id of a task with the scene's picture."""
        Image.fromarray(known.rgb).save(folder / name)
        return self.api.upload(self.project, folder / name)[0]

    def task_on_local_files(self, name: str = "more photos") -> int:
        """Id of a task whose image is in local-files storage, under a name that needs quoting."""
        folder = self.server.files / name
        folder.mkdir()
        Image.fromarray(KNOWN.rgb).save(folder / "früh & spät.png")
        (task,) = self.tasks_of_storage("localfiles", path=str(folder))
        assert "/data/local-files/?d=" in self.image_of(task)
        return task

    def tasks_of_storage(self, kind: str, **settings: Any) -> list[int]:
        """Ids of the tasks that come with a new import storage, in the order of the names of its files."""
        before = {task["id"] for task in self.api.tasks(self.project)}
        body = {"project": self.project, "use_blob_urls": True, **settings}
        storage = self.api.call("POST", f"/api/storages/{kind}/", json=body)["id"]
        self.api.call("POST", f"/api/storages/{kind}/{storage}/sync", json={})
        return [int(task["id"]) for task in self.api.tasks(self.project) if task["id"] not in before]

    def image_of(self, task: int) -> str:
        """The value of a task's image as Label Studio shows it to its own front end."""
        (found,) = (each for each in self.api.tasks(self.project) if each["id"] == task)
        return str(found["data"]["image"])


def positive(mask: Mask, label: str = "Object") -> Json:
    """A click well inside of ``mask``."""
    return keypoint(deepest(mask), (mask.shape[0], mask.shape[1]), label)
