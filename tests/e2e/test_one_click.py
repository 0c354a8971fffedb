"""One click each, in the editor: a thing that is darker towards its border, a large one and a small one."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from protocol import config_template
from testing.label_studio_masks import deepest, iou, region_mask
from testing.still_lifes.still_life import still_life
from tests.e2e.annotator import SCREENSHOTS, Annotator
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.e2e

# What the others add is another picture; all kinds are clicked on in segmenters/classical/test_kinds.py.
CLICKED = [
    pytest.param("shaded", 2, id="shaded"),
    pytest.param("large", 3, id="large", marks=pytest.mark.full),
    pytest.param("small", 3, id="small", marks=pytest.mark.full),
]


@pytest.fixture(scope="module")
def project(label_studio: LabelStudioServer, backend_url: str) -> int:
    number = label_studio.api.create_project("one click", config_template.build(["Object"]))
    label_studio.api.add_backend(number, backend_url)
    return number


@pytest.mark.parametrize(("kind", "number"), CLICKED)
def test_one_click_finds_the_thing(
    kind: str,
    number: int,
    annotator: Annotator,
    label_studio: LabelStudioServer,
    project: int,
    tmp_path: Path,
) -> None:
    picture = still_life(kind, "reported", number)
    height, width = picture.truth.shape
    Image.fromarray(picture.rgb).save(tmp_path / f"{kind}.png")
    (task,) = label_studio.api.upload(project, tmp_path / f"{kind}.png")
    annotator.open_task(project, task, (width, height))
    annotator.auto_annotation()
    annotator.pick("key-point-tool", "Object")
    annotator.click(*deepest(picture.truth))
    annotator.accept()
    annotator.screenshot(SCREENSHOTS / f"one-click-{kind}.png")
    [stored] = label_studio.api.call("GET", f"/api/annotations/{annotator.submit()}/")["result"]
    assert iou(region_mask(stored), picture.truth) > 0.85
