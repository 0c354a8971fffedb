"""A project that a real detector looks at, by /embed, and that is searched by what it saw there.

By an example no application is asked, by words one is asked what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from typer.testing import CliRunner

from finders.catalogue import FINDERS
from serve_app.cli.main import app as commands
from testing.applications import Applications, Json
from testing.finding_application import finding_application
from testing.image_files import data_url
from testing.label_studio_requests import predict_body
from testing.weights import colour_detector
from tests.serve_app.cli.fake_label_studio import LEGACY, FakeLabelStudio
from tests.serve_app.cli.precompute.bench import VARIABLES

pytestmark = [pytest.mark.cluster, pytest.mark.full]

NAME = "searches"
SPOT = (8, 5)
CONFIG = (
    '<View><Image name="i" value="$image"/>'
    '<BrushLabels name="b" toName="i"><Label value="Spot"/></BrushLabels></View>'
)
MIXED: dict[str, list[str]] = {"1": ["red", "blue"], "2": ["green"], "3": ["blue", "green", "red"], "4": []}


def picture(colours: list[str]) -> str:
    spots = [(colour, SPOT[0] + 5 * number, SPOT[1]) for number, colour in enumerate(colours)]
    return data_url(colour_detector.picture(spots))


def region() -> Json:
    """Around the first spot."""
    (x, y), (columns, rows) = SPOT, (24, 16)
    value = {
        "x": 100 * (x - 0.5) / columns,
        "y": 100 * (y - 0.5) / rows,
        "width": 100 / columns,
        "height": 100 / rows,
    }
    return {
        "id": "red",
        "type": "rectangle",
        "from_name": "r",
        "to_name": "i",
        "original_width": 960,
        "original_height": 640,
        "value": value,
    }


class Project:
    """Four tasks, of which the detector of the application at ``url`` has looked at three."""

    def __init__(self, url: str, label_studio: str) -> None:
        self.url = url
        self._options = ["--project", "1", "--label-studio-url", label_studio, "--token", LEGACY]

    def run(self, command: str, *arguments: str, ends: int = 0) -> Any:
        """What a command gives, which ends with the status ``ends``."""
        asked = [command, *self._options, *arguments]
        result = CliRunner().invoke(commands, asked, env=dict.fromkeys(VARIABLES))
        assert result.exit_code == ends, result.output
        return result

    def searched(self, *arguments: str, ends: int = 0) -> Any:
        return json.loads(self.run("search", "--json", *arguments, ends=ends).stdout)

    def best(self, colours: list[str], *phrases: str) -> float:
        """The best score that the finder gives to a thing of the phrases in a picture."""
        body = predict_body(picture(colours)) | {"find": {"phrases": list(phrases)}}
        answer = httpx.post(f"{self.url}/preannotate", json=body, timeout=100, trust_env=False)
        [result] = answer.json()["results"]
        return float(max(each["score"] for each in result["made"]))


@pytest.fixture(scope="module")
def project(applications: Applications, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    models, kept = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("kept")
    studio = FakeLabelStudio()
    studio.add_project("Spots", CONFIG)
    for number, colours in MIXED.items():
        studio.tasks.append({"id": int(number), "data": {"image": picture(colours)}, "annotations": []})
    studio.tasks[0]["annotations"] = [{"id": 1, "result": [region()]}]
    known = cast(dict[str, Any], FINDERS)
    with studio.serve() as at, pytest.MonkeyPatch.context() as patch:
        finds = finding_application(NAME, models, {"durable": str(kept), "label_studio_url": at})
        with applications.beside(finds):
            project = Project(applications.url(NAME), at)
            looks = ["--backend", project.url, "--find", "--limit", "3"]
            project.run("precompute", *looks)
            assert "3 stored before" in project.run("precompute", *looks).stdout
            patch.setitem(known, colour_detector.NAME, colour_detector.model())
            for name, value in (("FINDER", colour_detector.NAME), ("DURABLE", kept), ("MODEL_DIR", models)):
                patch.setenv(name, str(value))
            yield project


def test_the_picture_with_a_thing_like_the_example_comes_first(project: Project) -> None:
    told = project.searched("--like", "1:red")
    assert (told["images"], told["looked_at"]) == (4, 3)
    first, second = told["hits"]
    assert (first["task"], second["task"]) == (3, 2)
    assert first["score"] > 0.9 > 0.2 > second["score"]
    middle = first["x"] + first["width"] / 2, first["y"] + first["height"] / 2
    assert middle == pytest.approx((100 * (SPOT[0] + 10) / 24, 100 * SPOT[1] / 16), abs=1)


def test_words_find_the_pictures_that_show_what_they_name(project: Project) -> None:
    told = project.searched("--find", "red, green", "--backend", project.url)
    named = {hit["task"]: hit["phrase"] for hit in told["hits"]}
    assert (named[1], named[2]) == ("red", "green")
    assert all(hit["score"] > 0.9 for hit in told["hits"])
    for hit in told["hits"]:
        finder_gives = project.best(MIXED[str(hit["task"])], "red", "green")
        assert hit["score"] == pytest.approx(finder_gives, abs=2e-4)
    [first, second, third] = project.searched("--find", "blue", "--backend", project.url)["hits"]
    assert {first["task"], second["task"]} == {1, 3}
    assert second["score"] > 0.9 > 0.2 > third["score"]
    middle = first["x"] + first["width"] / 2, first["y"] + first["height"] / 2
    place = MIXED[str(first["task"])].index("blue")
    assert middle == pytest.approx((100 * (SPOT[0] + 5 * place) / 24, 100 * SPOT[1] / 16), abs=1)


def test_a_phrase_of_too_many_tokens_ends_commands_before_they_begin(project: Project) -> None:
    long = "red " * 15
    asked = ["--find", f"green, {long}", "--backend", project.url]
    assert "has 15 tokens, and the model reads 14" in project.searched(*asked, ends=1)["stopped"]
    told = json.loads(project.run("preannotate", "--json", *asked, ends=1).stdout)
    assert "has 15 tokens, and the model reads 14" in told["stopped"]
    assert told["tasks"] == 0
