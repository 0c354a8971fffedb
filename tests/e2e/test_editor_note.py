"""Annotators read in Label Studio's editor why a click got no mask, where the project has a line for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from protocol import config_template
from protocol.config_template import Layout
from testing.label_studio_masks import deepest
from testing.photographs import photographs
from tests.e2e.annotator import Annotator
from tests.e2e.pictures import take
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.e2e


def test_the_reason_is_read_until_there_is_a_mask(
    annotator: Annotator, label_studio: LabelStudioServer, backend_url: str, tmp_path: Path
) -> None:
    rgb, coin = next((rgb, mask) for name, rgb, mask in photographs() if name == "coins: large coin")
    Image.fromarray(rgb).save(tmp_path / "coins.png")
    api, page = label_studio.api, annotator.page
    project = api.create_project("explains", config_template.build(["Coin"], Layout(explains=True)))
    api.add_backend(project, backend_url)
    (task,) = api.upload(project, tmp_path / "coins.png")
    annotator.open_task(project, task, (rgb.shape[1], rgb.shape[0]))
    annotator.auto_annotation()
    annotator.pick("key-point-tool", "Coin")
    annotator.click(*deepest(coin), negative=True)
    why = page.get_by_text("the prompts ask for no mask: there is no positive click")
    expect(why).to_be_visible()
    take(annotator, "editor-note.png")
    annotator.pick("key-point-tool", "Coin")
    x, y = deepest(coin)
    annotator.click(x - 9, y - 9)
    expect(why).to_be_hidden()
    annotator.accept()
    stored = api.call("GET", f"/api/annotations/{annotator.submit()}/")["result"]
    assert sorted(each["type"] for each in stored) == ["brushlabels", "textarea"]
    assert [each["value"] for each in stored if each["type"] == "textarea"] == [{"text": []}]
