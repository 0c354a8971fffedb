"""Somebody chooses tasks in the Data Manager and presses *Retrieve Predictions*: their boxes become masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from testing.label_studio_masks import iou, region_mask
from testing.scenes import scene
from tests.e2e.annotator import Annotator
from tests.e2e.pictures import take
from tests.real_label_studio.boxes import CONFIG, HEIGHT, WIDTH, boxes
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.e2e

TASKS = 4
RETRIEVE = "retrieve_tasks_predictions"
MENU = 560  # pixels from the top, with all of the menu


def test_the_boxes_of_the_chosen_tasks_become_masks(
    annotator: Annotator,
    label_studio: LabelStudioServer,
    backend_url: str,
    tmp_path: Path,
    ious: dict[str, float],
) -> None:
    api, page = label_studio.api, annotator.page
    project = api.create_project("retrieved", CONFIG)
    known = [scene(seed, WIDTH, HEIGHT) for seed in range(TASKS)]
    paths = [tmp_path / f"{number}.png" for number in range(TASKS)]
    for path, each in zip(paths, known, strict=True):
        Image.fromarray(each.rgb).save(path)
    tasks = api.upload(project, *paths)
    for task, each in zip(tasks, known, strict=True):
        drawn = {"task": task, "model_version": "detector", "score": 0.5, "result": boxes(each)}
        api.call("POST", "/api/predictions/", json=drawn)
    api.add_backend(project, backend_url)
    page.goto(f"{label_studio.url}/projects/{project}/data")
    expect(page.get_by_role("checkbox", name="Select Task")).to_have_count(TASKS)
    # The input itself is hidden under its drawing.
    page.get_by_role("checkbox", name="Select all rows").check(force=True)
    page.get_by_role("button", name="Tasks Actions").click()
    entry = page.get_by_text("Retrieve Predictions")
    expect(entry).to_be_visible()
    take(annotator, "retrieve.png", entry, height=MENU)
    entry.click()
    with page.expect_response(
        lambda answer: RETRIEVE in answer.url and answer.request.method == "POST"
    ) as waiting:
        page.get_by_test_id("dialog-ok-button").click()
    assert waiting.value.ok
    page.wait_for_load_state("networkidle")
    by_task = {task: predictions(label_studio, task) for task in tasks}
    assert list(map(len, by_task.values())) == [1] * TASKS
    for task, each in zip(tasks, known, strict=True):
        for made in by_task[task]:
            for number, (region, truth) in enumerate(zip(made["result"], each.masks, strict=True)):
                ious[f"retrieved, task {task}, box {number}"] = iou(region_mask(region), truth)
    annotator.open_task(project, tasks[0], (WIDTH, HEIGHT))
    expect(page.locator(".lsf-outliner-item")).to_have_count(len(known[0].masks))
    take(annotator, "retrieved.png")
    assert min(share for name, share in ious.items() if name.startswith("retrieved")) > 0.5


def predictions(label_studio: LabelStudioServer, task: int) -> list[Any]:
    """Those of this model."""
    found = label_studio.api.call("GET", "/api/predictions/", params={"task": task})
    return [each for each in found if each["model_version"] == "classical-3"]
