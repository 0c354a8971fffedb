"""The labeling configs that `connect` writes, in Label Studio's editor; pictures of docs/templates.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from protocol import config_template
from protocol.config_template import Asks
from protocol.templates import TEMPLATES, Template
from testing.label_studio_masks import deepest, loose_box
from testing.photographs import photographs
from tests.e2e.annotator import SCREENSHOTS, Annotator
from tests.e2e.pictures import take
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.e2e

SMALL = {"width": 1366, "height": 768}
_NAMES = """
    person bicycle car motorcycle airplane bus train truck boat traffic-light fire-hydrant stop-sign
    parking-meter bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella handbag
    tie suitcase frisbee
"""
THIRTY = _NAMES.split()


class Coins(NamedTuple):
    """A photograph of many coins. ``place``: in the middle of one; ``box``: loosely around it."""

    file: Path
    size: tuple[int, int]
    place: tuple[float, float]
    box: tuple[float, float, float, float]


@pytest.fixture(scope="module")
def coins(tmp_path_factory: pytest.TempPathFactory) -> Coins:
    rgb, coin = next((rgb, mask) for name, rgb, mask in photographs() if name == "coins: large coin")
    file: Path = tmp_path_factory.mktemp("templates") / "coins.png"
    Image.fromarray(rgb).save(file)
    return Coins(file, (rgb.shape[1], rgb.shape[0]), deepest(coin), loose_box(coin))


@pytest.fixture
def small_screen(annotator: Annotator) -> Iterator[Page]:
    """The page as laptops show it."""
    before = annotator.page.viewport_size
    annotator.page.set_viewport_size(SMALL)
    yield annotator.page
    assert before is not None
    annotator.page.set_viewport_size(before)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))
def test_each_template_gives_what_it_says(
    template: Template,
    annotator: Annotator,
    small_screen: Page,
    label_studio: LabelStudioServer,
    backend_url: str,
    coins: Coins,
) -> None:
    api = label_studio.api
    config = config_template.build(template.labels, template.layout)
    project = api.create_project(template.name, config)
    api.add_backend(project, backend_url)
    (task,) = api.upload(project, coins.file)
    annotator.open_task(project, task, coins.size)
    annotator.auto_annotation()
    if template.layout.asks is Asks.BOXES:
        annotator.pick("rectangle-tool", template.labels[0])
        annotator.drag(coins.box)
    else:
        annotator.pick("key-point-tool", template.labels[0])
        annotator.click(*coins.place)
    annotator.accept()
    take(annotator, f"templates/{template.name}.png")
    stored = api.call("GET", f"/api/annotations/{annotator.submit()}/")["result"]
    assert {region["type"] for region in stored} == {f"{template.layout.result}labels"}
    assert {label for region in stored for label in region["value"][region["type"]]} == {template.labels[0]}


@pytest.mark.parametrize("name", ["semantic-segmentation", "object-detection", "inspection"])
def test_thirty_labels_and_all_tools_are_seen_on_a_small_screen(
    name: str,
    annotator: Annotator,
    small_screen: Page,
    label_studio: LabelStudioServer,
    backend_url: str,
    coins: Coins,
) -> None:
    api, layout = label_studio.api, TEMPLATES[name].layout
    project = api.create_project(f"thirty, {name}", config_template.build(THIRTY, layout))
    api.add_backend(project, backend_url)
    (task,) = api.upload(project, coins.file)
    annotator.open_task(project, task, coins.size)
    annotator.auto_annotation()
    annotator.screenshot(SCREENSHOTS / f"thirty-labels-{name}.png")
    columns = small_screen.locator(".lsf-labels")
    assert columns.count() == (3 if name == "semantic-segmentation" else 2)
    for column in range(columns.count()):
        labels = columns.nth(column).locator(".lsf-label")
        assert labels.count() == len(THIRTY)
        for number in range(labels.count()):
            _whole(labels.nth(number))
    tools = small_screen.locator(".lsf-toolbar > .lsf-toolbar__group > .lsf-tool")
    assert tools.count() >= 5
    for number in range(tools.count()):
        _whole(tools.nth(number))
    _whole(small_screen.locator(".lsf-toolbar .lsf-tool_smart").first)
    submit = small_screen.get_by_test_id("bottombar-submit-button")
    _whole(submit)
    picture, bar = small_screen.locator(".lsf-image img").bounding_box(), submit.bounding_box()
    assert picture is not None
    assert bar is not None
    assert picture["y"] + picture["height"] <= bar["y"], "the picture is whole above the bar"


def _whole(element: Locator) -> None:
    """The element is on the screen, no part of it behind an edge, and nothing that scrolls cuts it off."""
    expect(element).to_be_in_viewport(ratio=0.99, timeout=5_000)
    box = element.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= SMALL["width"]
    assert box["y"] + box["height"] <= SMALL["height"]
