"""An annotator writes what to find, or draws one of it, and each thing in the picture gets a mask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from testing.applications import Applications, application
from testing.label_studio_masks import region_mask
from testing.weights import colour_detector
from tests.e2e.annotator import SCREENSHOTS, Annotator
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.e2e

NAME = "finds"
SPOTS = [("red", 3, 4), ("red", 10, 8), ("green", 16, 3), ("blue", 20, 12), ("red", 20, 4)]
SIZE = (960, 640)
ASKED = "What to find"
CONFIG = f"""<View>
  <Image name="image" value="$image"/>
  <TextArea name="find" toName="image" placeholder="{ASKED}"/>
  <RectangleLabels name="like" toName="image" model_find="true" smart="true">
    <Label value="Spot"/><Label value="Berry"/>
  </RectangleLabels>
  <BrushLabels name="brush" toName="image">
    <Label value="Spot"/><Label value="Berry" predicted_values="red"/>
  </BrushLabels>
</View>"""


@pytest.fixture
def url(applications: Applications, label_studio: LabelStudioServer, tmp_path: Path) -> Iterator[str]:
    """An application with a detector whose answer is known."""
    colour_detector.write(tmp_path)
    args = {"model": "classical", "finder": colour_detector.NAME, "model_dir": str(tmp_path)}
    args |= {"label_studio_url": label_studio.url}
    finds = application(NAME, args, build="testing.colour_finder:build")
    finds["deployments"].append({"name": "Finder", "ray_actor_options": {"num_cpus": 0.02}})
    with applications.beside(finds):
        yield applications.url(NAME)


def test_words_and_then_an_example(
    annotator: Annotator, label_studio: LabelStudioServer, url: str, tmp_path: Path
) -> None:
    Image.fromarray(colour_detector.picture(SPOTS)).save(tmp_path / "spots.png")
    api, page = label_studio.api, annotator.page
    project = api.create_project("finds", CONFIG)
    api.add_backend(project, url)
    (task,) = api.upload(project, tmp_path / "spots.png")
    annotator.open_task(project, task, SIZE)
    annotator.auto_annotation()
    with annotator._answer() as answer:
        page.get_by_placeholder(ASKED).fill("red")
        page.keyboard.press("Enter")
    [asked] = answer["prompts"]
    assert (asked["type"], asked["from_name"], asked["value"]) == ("textarea", "find", {"text": ["red"]})
    annotator.screenshot(SCREENSHOTS / "find-words.png")
    annotator.accept()
    annotator.pick("rectangle-tool", "Spot")
    x, y = (place * colour_detector.PATCH for place in SPOTS[2][1:])
    found = annotator.drag((x - 20, y - 20, x + 20, y + 20))
    assert len(found["data"]["result"]) == 1
    annotator.screenshot(SCREENSHOTS / "find-example.png")
    annotator.accept()
    stored = api.call("GET", f"/api/annotations/{annotator.submit()}/")["result"]
    assert places(stored, "Berry") == {(x, y) for name, x, y in SPOTS if name == "red"}
    assert places(stored, "Spot") == {(x, y) for name, x, y in SPOTS if name == "green"}


def places(stored: Any, label: str) -> set[tuple[int, int]]:
    """The middles of the brush regions with a label, in patches."""
    masks = [each for each in stored if each["value"].get("brushlabels") == [label]]
    middles = (np.argwhere(region_mask(each)).mean(0)[::-1] / colour_detector.PATCH for each in masks)
    return {(round(x), round(y)) for x, y in middles}
