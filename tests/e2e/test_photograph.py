"""A photograph instead of a drawn scene, and the picture of a real click that documentation can show."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from protocol import config_template
from testing.label_studio_masks import Mask, deepest, iou, loose_box, region_mask
from testing.photographs import photographs
from tests.e2e.annotator import SCREENSHOTS, Annotator
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.e2e


def test_a_cup_of_coffee_and_its_spoon(
    annotator: Annotator, label_studio: LabelStudioServer, backend_url: str, tmp_path: Path
) -> None:
    things = {name: (rgb, mask) for name, rgb, mask in photographs()}
    rgb, coffee = things["coffee: coffee"]
    _, spoon = things["coffee: spoon bowl"]
    Image.fromarray(rgb).save(tmp_path / "coffee.png")
    project = label_studio.api.create_project("Breakfast", config_template.build(["Coffee", "Spoon"]))
    label_studio.api.add_backend(project, backend_url)
    (task,) = label_studio.api.upload(project, tmp_path / "coffee.png")
    annotator.open_task(project, task, (rgb.shape[1], rgb.shape[0]))
    annotator.auto_annotation()

    plain = annotator.picture()
    annotator.pick("key-point-tool", "Coffee")
    annotator.click(*deepest(coffee))
    assert iou(annotator.drawn(plain, coffee), coffee) > 0.7
    annotator.screenshot(SCREENSHOTS / "photograph-click.png")
    annotator.accept()
    annotator.pick("rectangle-tool", "Spoon")
    annotator.drag(loose_box(spoon))
    annotator.accept()
    annotator.drawn(plain, spoon)
    annotator.screenshot(SCREENSHOTS / "photograph.png")

    stored = label_studio.api.call("GET", f"/api/annotations/{annotator.submit()}/")["result"]
    found: dict[str, Mask] = {region["value"]["brushlabels"][0]: region_mask(region) for region in stored}
    assert iou(found["Coffee"], coffee) > 0.8
    assert iou(found["Spoon"], spoon) > 0.7
