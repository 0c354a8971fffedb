"""What docs/annotators.md says to annotators, and its pictures (`screenshots/annotators`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from protocol import config_template
from testing.label_studio_masks import deepest
from testing.photographs import photographs
from tests.e2e.annotator import Annotator
from tests.e2e.pictures import take
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.e2e

SELECTED = re.compile("selected")
GROUND = (192, 8)  # of the photograph, between coins


class Pictures:
    """The pictures of the page, one after the other."""

    def __init__(self, annotator: Annotator) -> None:
        self._annotator = annotator
        self._count = 0

    def take(self, *about: Locator) -> None:
        """The next one, with rings around what it is about."""
        self._count += 1
        take(self._annotator, f"annotators/{self._count}.png", *about)


class Coins(NamedTuple):
    """A project that has this backend, and a photograph of many coins. ``place``: in the middle of one."""

    project: int
    file: Path
    size: tuple[int, int]
    place: tuple[float, float]


@pytest.fixture(scope="module")
def coins(
    label_studio: LabelStudioServer, backend_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Coins:
    rgb, coin = next((rgb, mask) for name, rgb, mask in photographs() if name == "coins: large coin")
    file: Path = tmp_path_factory.mktemp("coins") / "coins.png"
    Image.fromarray(rgb).save(file)
    project = label_studio.api.create_project("Coins", config_template.build(["Coin", "Stain"]))
    label_studio.api.add_backend(project, backend_url)
    return Coins(project, file, (rgb.shape[1], rgb.shape[0]), deepest(coin))


@pytest.fixture
def place(annotator: Annotator, label_studio: LabelStudioServer, coins: Coins) -> tuple[float, float]:
    """Of a coin, in a task that is open; a new one, which has no draft."""
    (task,) = label_studio.api.upload(coins.project, coins.file)
    annotator.open_task(coins.project, task, coins.size)
    annotator.auto_annotation()
    return coins.place


@pytest.fixture
def label_kept(annotator: Annotator, place: tuple[float, float]) -> Iterator[None]:
    """The setting is on, and off again for others."""
    with annotator.settings() as line:
        line.click()
    yield
    with annotator.settings() as line:
        line.click()


def label(page: Page) -> Locator:
    """The label of the smart click."""
    return page.locator(".lsf-labels").first.locator(".lsf-label").filter(has_text="Coin")


def test_without_the_setting_the_label_is_dropped(annotator: Annotator, place: tuple[float, float]) -> None:
    annotator.pick("key-point-tool", "Coin")
    expect(label(annotator.page)).to_have_class(SELECTED)
    annotator.click(*place)
    expect(label(annotator.page)).not_to_have_class(SELECTED)


@pytest.mark.usefixtures("label_kept")
def test_the_five_steps(
    annotator: Annotator, label_studio: LabelStudioServer, place: tuple[float, float]
) -> None:
    page, pictures = annotator.page, Pictures(annotator)
    annotator.pick("key-point-tool", "Coin")
    toggle = page.get_by_test_id("bottombar-auto-annotation-toggle").locator("..")
    pictures.take(toggle, page.locator(".lsf-toolbar .lsf-tool_smart").first, label(page))
    with annotator.settings() as line:
        pictures.take(line)
    annotator.click(*place)
    answer = annotator.click(*GROUND, negative=True)
    assert [prompt["is_positive"] for prompt in answer["prompts"]] == [True, False]
    pictures.take()
    pictures.take(page.get_by_test_id("bottombar-accept-suggestions-button"))
    annotator.accept()
    pictures.take(page.get_by_test_id("bottombar-submit-button"))
    assert "brushlabels" in _stored(label_studio, annotator)


def test_without_the_tick_only_the_dot_is_stored(
    annotator: Annotator, label_studio: LabelStudioServer, place: tuple[float, float]
) -> None:
    annotator.pick("key-point-tool", "Coin")
    annotator.click(*place)
    assert _stored(label_studio, annotator) == {"keypointlabels"}


def _stored(label_studio: LabelStudioServer, annotator: Annotator) -> set[str]:
    """The types of what Label Studio has after *Submit*."""
    stored = label_studio.api.call("GET", f"/api/annotations/{annotator.submit()}/")["result"]
    return {region["type"] for region in stored}
