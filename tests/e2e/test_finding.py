"""An annotator writes what to find, or draws one of it, and each thing in the picture gets a mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from testing.applications import Applications
from testing.canary import WATCH
from testing.finding_application import finding_application
from testing.label_studio_masks import Box, rectangle, region_mask
from testing.terminal import OURS, Terminal
from testing.weights import colour_detector
from tests.e2e.annotator import SCREENSHOTS, Annotator
from tests.e2e.pictures import take
from tests.real_label_studio.api import LabelStudioApi
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.e2e

NAME = "found"
SPOTS = [("red", 3, 4), ("red", 10, 8), ("green", 16, 3), ("blue", 20, 12), ("red", 20, 4), ("green", 6, 12)]
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

PROJECT = [
    [("red", 4, 4), ("red", 9, 6), ("blue", 15, 4), ("green", 19, 11), ("red", 6, 12), ("blue", 13, 11)],
    [("green", 5, 5), ("blue", 12, 8), ("green", 18, 4), ("green", 16, 12), ("red", 7, 11)],
    [("red", 8, 4), ("blue", 16, 10), ("blue", 5, 11)],
    [("green", 12, 6), ("red", 19, 10), ("red", 5, 8)],
    [("blue", 7, 7), ("red", 14, 4), ("red", 18, 12)],
    [("green", 17, 5), ("blue", 8, 10), ("red", 13, 12)],
]
PROJECT_CONFIG = """<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="box" toName="image"><Label value="Leaf"/></RectangleLabels>
  <BrushLabels name="brush" toName="image">
    <Label value="Cherry" predicted_values="red" background="#ff9800"/>
    <Label value="Plum" predicted_values="blue" background="#9c27b0"/>
    <Label value="Leaf" predicted_values="green" background="#e91e63"/>
  </BrushLabels>
</View>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a detector whose answer is known, and what it keeps, in `kept`."""
    made: Path = tmp_path_factory.mktemp("finds")
    return made


@pytest.fixture(scope="module")
def url(applications: Applications, label_studio: LabelStudioServer, folder: Path) -> Iterator[str]:
    """An application with that detector."""
    args = {"durable": str(folder / "kept"), "label_studio_url": label_studio.url}
    with applications.beside(finding_application(NAME, folder, args)):
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
    take(annotator, "find-words.png")
    annotator.accept()
    annotator.pick("rectangle-tool", "Spot")
    found = annotator.drag(around(*SPOTS[2][1:]))
    assert len(found["data"]["result"]) == 2
    take(annotator, "find-example.png")
    annotator.accept()
    stored = api.call("GET", f"/api/annotations/{annotator.submit()}/")["result"]
    assert places(stored, "Berry") == middles(SPOTS, "red")
    assert places(stored, "Spot") == middles(SPOTS, "green")


@pytest.mark.full
def test_a_project_by_words_by_an_example_and_searched(
    annotator: Annotator, label_studio: LabelStudioServer, url: str, folder: Path, tmp_path: Path
) -> None:
    api, paths = label_studio.api, [tmp_path / f"{number}.png" for number in range(len(PROJECT))]
    for path, spots in zip(paths, PROJECT, strict=True):
        Image.fromarray(colour_detector.picture(spots)).save(path)
    project = api.create_project("Spots", PROJECT_CONFIG)
    first, second, *_ = api.upload(project, *paths)
    variables = {"LABEL_STUDIO_URL": label_studio.url, "LABEL_STUDIO_API_KEY": api.personal_access_token()}
    variables |= {"FINDER": colour_detector.NAME, "MODEL_DIR": str(folder), "DURABLE": str(folder / "kept")}
    terminal, searching = (Terminal(variables, width, "testing.colour_finder") for width in (100, 112))
    command, backend = f"{OURS} preannotate --project {project}", ("--backend", url)
    terminal.run(f'{command} --find "red, blue" --dry-run', *backend)
    said = terminal.run(f'{command} --find "red, blue"', *backend)
    assert f"{sum(name != 'green' for name, *_ in chain(*PROJECT))} masks, stored for {len(PROJECT)}" in said
    regions = predicted(api, first, "-red-blue")
    assert places(regions, "Cherry") == middles(PROJECT[0], "red")
    assert places(regions, "Plum") == middles(PROJECT[0], "blue")
    annotator.open_task(project, first, SIZE)
    expect(annotator.page.locator(".lsf-outliner-item")).to_have_count(len(regions))
    take(annotator, "project-words.png")
    [(x, y)] = middles(PROJECT[0], "green")
    drawn = {**rectangle(around(x, y), SIZE[::-1], "Leaf"), "id": "Xk3fQz"}
    api.call("POST", f"/api/tasks/{first}/annotations/", json={"result": [drawn]})
    example = f"--like {first}:Xk3fQz"
    terminal.run(f"{command} {example}", *backend)
    terminal.picture(SCREENSHOTS / "preannotate.svg")
    assert places(predicted(api, second, f"like_{first}_Xk3fQz"), "Leaf") == middles(PROJECT[1], "green")
    annotator.open_task(project, second, SIZE)
    take(annotator, "project-example.png")
    searching.run(f'{OURS} search --project {project} --find "red, green" --top 4', *backend)
    searching.run(f"{OURS} search --project {project} {example} --top 4")
    searching.picture(SCREENSHOTS / "search.svg")
    for file in ("preannotate.svg", "search.svg"):
        WATCH.look((SCREENSHOTS / file).read_text(), f"what the commands of {file} printed")


def predicted(api: LabelStudioApi, task: int, ending: str) -> Any:
    """The regions of the one prediction whose model version ends so."""
    made = api.call("GET", "/api/predictions/", params={"task": task})
    [found] = [each["result"] for each in made if each["model_version"].endswith(ending)]
    return found


def middles(spots: Sequence[colour_detector.Spot], colour: str) -> set[tuple[int, int]]:
    """Of the spots of a colour, in patches."""
    return {(x, y) for name, x, y in spots if name == colour}


def around(x: int, y: int) -> Box:
    """The box of a spot."""
    left, top, right, bottom = (
        float(place * colour_detector.PATCH) for place in (x - 0.5, y - 0.5, x + 0.5, y + 0.5)
    )
    return left, top, right, bottom


def places(stored: Any, label: str) -> set[tuple[int, int]]:
    """The middles of the brush regions with a label, in patches."""
    masks = [each for each in stored if each["value"].get("brushlabels") == [label]]
    middles = (np.argwhere(region_mask(each)).mean(0)[::-1] / colour_detector.PATCH for each in masks)
    return {(round(x), round(y)) for x, y in middles}
