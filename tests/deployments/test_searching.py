"""A project that a real detector looks at, by /embed, and that is searched by what it saw there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from finders.catalogue import FINDERS
from serve_app.cli.main import app as commands
from testing.applications import Applications, Json, application
from testing.image_files import data_url
from testing.weights import colour_detector
from tests.serve_app.cli.fake_label_studio import LEGACY, FakeLabelStudio
from tests.serve_app.cli.precompute.bench import VARIABLES

pytestmark = [pytest.mark.cluster, pytest.mark.full]

NAME = "searches"
SPOT = (8, 5)
CONFIG = '<View><Image name="i" value="$image"/></View>'
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


def test_the_picture_with_a_thing_like_the_example_comes_first(
    applications: Applications, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, kept = tmp_path / "models", tmp_path / "kept"
    models.mkdir()
    colour_detector.write(models)
    studio = FakeLabelStudio()
    studio.add_project("Spots", CONFIG)
    for number, colours in MIXED.items():
        studio.tasks.append({"id": int(number), "data": {"image": picture(colours)}, "annotations": []})
    studio.tasks[0]["annotations"] = [{"id": 1, "result": [region()]}]

    def run(command: str, *arguments: str) -> Any:
        options = ["--project", "1", "--label-studio-url", at, "--token", LEGACY, *arguments]
        result = CliRunner().invoke(commands, [command, *options], env=dict.fromkeys(VARIABLES))
        assert result.exit_code == 0, result.output
        return result

    with studio.serve() as at:
        args = {"model": "classical", "finder": colour_detector.NAME, "model_dir": str(models)}
        args |= {"durable": str(kept), "label_studio_url": at}
        finds = application(NAME, args, build="testing.colour_finder:build")
        finds["deployments"].append({"name": "Finder", "ray_actor_options": {"num_cpus": 0.02}})
        with applications.beside(finds):
            backend = ["--backend", applications.url(NAME)]
            run("precompute", *backend, "--find", "--limit", "3")
            assert "3 stored before" in run("precompute", *backend, "--find", "--limit", "3").stdout
        known = cast(dict[str, Any], FINDERS)
        monkeypatch.setitem(known, colour_detector.NAME, colour_detector.model())
        for name, value in (("FINDER", colour_detector.NAME), ("DURABLE", kept), ("MODEL_DIR", models)):
            monkeypatch.setenv(name, str(value))
        told = json.loads(run("search", "--json", "--like", "1:red").stdout)
    assert (told["images"], told["looked_at"]) == (4, 3)
    first, second = told["hits"]
    assert (first["task"], second["task"]) == (3, 2)
    assert first["score"] > 0.9 > 0.2 > second["score"]
    middle = first["x"] + first["width"] / 2, first["y"] + first["height"] / 2
    assert middle == pytest.approx((100 * (SPOT[0] + 10) / 24, 100 * SPOT[1] / 16), abs=1)
