"""What an annotator does, in a real browser against the real Label Studio and the real application."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from protocol import config_template
from testing.label_studio_masks import Mask, deepest, iou, loose_box, region_mask
from testing.scenes import scene
from tests.e2e.annotator import SCREENSHOTS, Annotator
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.e2e

WIDTH, HEIGHT = 960, 640
# What the others add is another picture.
SEEDS = (1, *(pytest.param(seed, marks=pytest.mark.full) for seed in (2, 3)))


@pytest.fixture(scope="module")
def project(label_studio: LabelStudioServer, backend_url: str) -> int:
    number = label_studio.api.create_project("browser", config_template.build(["Object", "Other"]))
    label_studio.api.add_backend(number, backend_url)
    return number


@pytest.mark.parametrize("seed", SEEDS)
def test_a_click_a_negative_click_and_a_box_are_stored_as_masks(
    seed: int,
    annotator: Annotator,
    label_studio: LabelStudioServer,
    project: int,
    ious: dict[str, float],
    tmp_path: Path,
) -> None:
    known = scene(seed, WIDTH, HEIGHT)
    Image.fromarray(known.rgb).save(tmp_path / f"scene{seed}.png")
    (task,) = label_studio.api.upload(project, tmp_path / f"scene{seed}.png")
    annotator.open_task(project, task, (WIDTH, HEIGHT))
    annotator.auto_annotation()

    clicked, boxed = known.masks[:2]
    ground: Mask = ~np.any(known.masks, axis=0)
    plain = annotator.picture()

    annotator.pick("key-point-tool", "Object")
    answer = annotator.click(*deepest(clicked))
    (prompt,) = answer["prompts"]
    assert prompt["is_positive"] is True
    at = prompt["value"]["x"] * WIDTH / 100, prompt["value"]["y"] * HEIGHT / 100
    assert at == pytest.approx(deepest(clicked), abs=1.5)
    assert iou(annotator.drawn(plain, clicked), clicked) > 0.5
    annotator.screenshot(SCREENSHOTS / f"click-{seed}.png")

    annotator.pick("key-point-tool", "Object")
    answer = annotator.click(*deepest(ground), negative=True)
    assert [prompt["is_positive"] for prompt in answer["prompts"]] == [True, False]
    annotator.screenshot(SCREENSHOTS / f"negative-{seed}.png")
    annotator.accept()

    annotator.pick("rectangle-tool", "Other")
    answer = annotator.drag(loose_box(boxed))
    assert [prompt["type"] for prompt in answer["prompts"]] == ["rectanglelabels"]
    annotator.screenshot(SCREENSHOTS / f"box-{seed}.png")
    annotator.accept()
    assert annotator.regions() == 2
    seen = annotator.drawn(plain, boxed)

    stored = label_studio.api.call("GET", f"/api/annotations/{annotator.submit()}/")["result"]
    found: dict[str, Mask] = {region["value"]["brushlabels"][0]: region_mask(region) for region in stored}
    assert [region["type"] for region in stored] == ["brushlabels", "brushlabels"]
    assert iou(seen, found["Object"] | found["Other"]) > 0.9
    ious[f"scene {seed}, clicks"] = iou(found["Object"], clicked)
    ious[f"scene {seed}, box"] = iou(found["Other"], boxed)


def test_the_stored_masks_are_the_objects(ious: dict[str, float]) -> None:
    if not ious:
        pytest.fail("no mask was stored")
    assert min(ious.values()) > 0.5
    assert np.mean(list(ious.values())) >= 0.85
