"""``connect`` against the real Label Studio; the backend is a stub, for here only Label Studio matters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer import Typer
from typer.testing import CliRunner, Result

from protocol.config_template import Layout, layout_of
from protocol.config_template import Result as Gives
from protocol.label_config import parse
from protocol.templates import LAYOUTS, TEMPLATES
from serve_app.cli.connect.command import TITLE, connect
from testing.canary import CANARY
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.stub_backend import Json, StubBackend, stub_backend

pytestmark = pytest.mark.label_studio

_APP = Typer()
_APP.command()(connect)


@pytest.fixture
def backend() -> Iterator[StubBackend]:
    """One that finds the whole picture to be the object."""

    def whole(prompts: Json) -> NDArray[np.bool_]:
        return np.ones((prompts[-1]["original_height"], prompts[-1]["original_width"]), np.bool_)

    with stub_backend(whole) as stub:
        yield stub


def _run(server: LabelStudioServer, token: str, backend_url: str, *more: str) -> Result:
    arguments = [
        "--label-studio-url",
        f"{server.url}/",
        "--token",
        token,
        "--backend",
        f"{backend_url}/",
        *more,
    ]
    result = CliRunner().invoke(_APP, arguments, env={"BASIC_AUTH_USER": "", "BASIC_AUTH_PASS": ""})
    assert token not in result.output
    return result


def _project(server: LabelStudioServer, title: str) -> int:
    listed = server.api.call("GET", "/api/projects/", params={"title": title})["results"]
    assert len(listed) == 1
    return int(listed[0]["id"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images and a copy of one, in two folders, one with a name that is not ASCII; and a text file."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    Image.new("RGB", (40, 30), "red").save(folder / "red.png")
    Image.new("RGB", (40, 30), "green").save(folder / "grün & schön.JPG")
    Image.new("RGB", (40, 30), "blue").save(folder / "more" / "red.png")
    Image.new("RGB", (40, 30), "red").save(folder / "more" / "copy.png")
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_fresh_project_is_ready_for_clicks(
    label_studio: LabelStudioServer, backend: StubBackend, folder: Path
) -> None:
    api = label_studio.api
    options = ["--project", "fresh", "--label", "Cat", "--label", "Dog & <pup>", "--images", str(folder)]
    result = _run(label_studio, api.personal_access_token(), backend.url, *options)
    assert result.exit_code == 0, result.output

    number = _project(label_studio, "fresh")
    assert f"{label_studio.url}/projects/{number}/data" in result.output
    config = api.call("GET", f"/api/projects/{number}/")["label_config"]
    assert parse(config).common_labels == ["Cat", "Dog & <pup>"]
    assert parse(config).asks_backend
    (row,) = api.backends(number)
    assert (row["url"], row["is_interactive"], row["readable_state"]) == (backend.url, True, "Connected")
    assert [hook["url"] for hook in api.webhooks(number)] == [f"{backend.url}/webhook"]
    assert len(api.tasks(number)) == 3
    assert "3 imported, 1 already there" in result.output
    assert "in the middle: a mask of 1200 pixels (brush, 100.0 % of 40 x 30) in " in result.output
    assert "5. Accept with the tick in the bottom bar, then Submit" in result.output


def test_what_a_click_gives_is_a_config_that_label_studio_takes(
    label_studio: LabelStudioServer, backend: StubBackend
) -> None:
    token = label_studio.api.personal_access_token()
    for gives in Gives:
        options = ["--project", f"gives {gives}", "--output", gives, "--label", "Cat"]
        assert _run(label_studio, token, backend.url, *options).exit_code == 0
        number = _project(label_studio, f"gives {gives}")
        config = label_studio.api.call("GET", f"/api/projects/{number}/")["label_config"]
        assert layout_of(config, ["Cat"], map(Layout, Gives)) == Layout(gives)


def test_each_template_is_a_config_that_label_studio_takes(
    label_studio: LabelStudioServer, backend: StubBackend
) -> None:
    token = label_studio.api.personal_access_token()
    for name, template in TEMPLATES.items():
        result = _run(label_studio, token, backend.url, "--project", f"job {name}", "--template", name)
        assert result.exit_code == 0, result.output
        number = _project(label_studio, f"job {name}")
        config = label_studio.api.call("GET", f"/api/projects/{number}/")["label_config"]
        assert layout_of(config, template.labels, LAYOUTS) == template.layout


def test_another_backend_of_the_project_is_said_and_removed(
    label_studio: LabelStudioServer, backend: StubBackend
) -> None:
    api, token = label_studio.api, label_studio.api.personal_access_token()
    with stub_backend() as old:
        assert _run(label_studio, token, old.url, "--project", "moved").exit_code == 0
    number = _project(label_studio, "moved")
    kept = _run(label_studio, token, backend.url, "--project", "moved")
    assert f"{old.url} ('{TITLE}') is not reached" in kept.stderr
    assert len(api.backends(number)) == 2
    removed = _run(label_studio, token, backend.url, "--project", "moved", "--remove-others")
    assert removed.exit_code == 0, removed.output
    assert [row["url"] for row in api.backends(number)] == [backend.url]
    assert [hook["url"] for hook in api.webhooks(number)] == [f"{backend.url}/webhook"]


def test_a_rerun_changes_nothing(label_studio: LabelStudioServer, backend: StubBackend, folder: Path) -> None:
    api = label_studio.api
    options = ["--project", "rerun", "--label", "Cat", "--images", str(folder)]
    assert _run(label_studio, api.personal_access_token(), backend.url, *options).exit_code == 0
    number = _project(label_studio, "rerun")

    def state() -> object:
        project = api.call("GET", f"/api/projects/{number}/")
        rows = [(row["id"], row["url"]) for row in api.backends(number)]
        hooks = [hook["id"] for hook in api.webhooks(number)]
        return project["label_config"], rows, hooks, [task["id"] for task in api.tasks(number)]

    before = state()
    result = _run(label_studio, api.personal_access_token(), backend.url, *options)
    assert result.exit_code == 0, result.output
    assert state() == before
    report = result.output.split("Annotate at")[0].splitlines()[1:]
    changed = [line for line in report if line and "unchanged" not in line]
    assert [line.partition("  ")[0] for line in changed] == ["trial click"]


def test_a_new_image_is_imported_on_a_rerun(
    label_studio: LabelStudioServer, backend: StubBackend, folder: Path
) -> None:
    token = label_studio.api.personal_access_token()
    options = ["--project", "more images", "--images", str(folder)]
    assert _run(label_studio, token, backend.url, *options).exit_code == 0
    Image.new("RGB", (40, 30), "white").save(folder / "white.webp")
    result = _run(label_studio, token, backend.url, *options)
    assert "1 imported, 4 already there" in result.output
    names = [task["data"]["image"] for task in label_studio.api.tasks(_project(label_studio, "more images"))]
    assert sum("white" in name for name in names) == 1


def test_a_legacy_token_serves_as_well(label_studio: LabelStudioServer, backend: StubBackend) -> None:
    with label_studio.legacy_tokens() as token:
        result = _run(label_studio, token, backend.url, "--project", "legacy")
        assert result.exit_code == 0, result.output
    (row,) = label_studio.api.backends(_project(label_studio, "legacy"))
    assert row["readable_state"] == "Connected"


def test_a_legacy_token_is_refused_where_they_are_off(
    label_studio: LabelStudioServer, backend: StubBackend
) -> None:
    result = _run(label_studio, label_studio.api.legacy_token(), backend.url)
    assert result.exit_code == 1
    assert "401 to the legacy token" in result.stderr


def test_labels_are_added_to_its_own_config_and_annotations_stay_valid(
    label_studio: LabelStudioServer, backend: StubBackend, folder: Path
) -> None:
    api, token = label_studio.api, label_studio.api.personal_access_token()
    options = ["--project", "grow", "--images", str(folder)]
    assert _run(label_studio, token, backend.url, *options, "--label", "Cat").exit_code == 0
    number = _project(label_studio, "grow")
    _annotate(label_studio, api.tasks(number)[0]["id"], "point", "Cat")
    result = _run(label_studio, token, backend.url, *options, "--label", "Dog")
    assert result.exit_code == 0, result.output
    config = api.call("GET", f"/api/projects/{number}/")["label_config"]
    assert parse(config).common_labels == ["Cat", "Dog"]


def test_a_config_of_its_own_is_kept_once_annotated(
    label_studio: LabelStudioServer, backend: StubBackend, folder: Path
) -> None:
    api, token = label_studio.api, label_studio.api.personal_access_token()
    own = (
        '<View><Image name="picture" value="$image"/>'
        '<KeyPointLabels name="dot" toName="picture" smart="true"><Label value="Eye"/></KeyPointLabels>'
        "</View>"
    )
    number = api.create_project("own config", own)
    (task,) = api.upload(number, folder / "red.png")
    result = _run(label_studio, token, backend.url, "--project", str(number))
    assert result.exit_code == 0, result.output
    _annotate(label_studio, task, "dot", "Eye", "picture")
    refused = _run(label_studio, token, backend.url, "--project", str(number), "--label", "Cat")
    assert refused.exit_code == 1
    assert "has annotations" in refused.stderr
    assert api.call("GET", f"/api/projects/{number}/")["label_config"] == own


def test_basic_auth_is_stored_and_a_wrong_password_is_said(label_studio: LabelStudioServer) -> None:
    token = label_studio.api.personal_access_token()
    right = ["--basic-auth-user", "ray", "--basic-auth-pass", CANARY]
    with stub_backend(credentials=f"ray:{CANARY}") as backend:
        refused = _run(label_studio, token, backend.url, "--project", "auth")
        assert refused.exit_code == 1
        assert "--basic-auth-user" in refused.stderr
        for said in ("added", "unchanged"):
            result = _run(label_studio, token, backend.url, "--project", "auth", *right)
            assert result.exit_code == 0, result.output
            assert f"{backend.url}: {said}" in result.output
            assert CANARY not in result.output


def test_a_backend_that_is_down_is_said(label_studio: LabelStudioServer) -> None:
    with stub_backend() as gone:
        pass
    result = _run(label_studio, label_studio.api.personal_access_token(), gone.url, "--project", "down")
    assert result.exit_code == 1
    assert f"cannot use the backend at {gone.url}" in result.stderr
    assert "Traceback" not in result.output


def test_a_stock_label_studio_refuses_loopback_and_the_remedy_is_named(
    tmp_path: Path, backend: StubBackend
) -> None:
    stock = LabelStudioServer(tmp_path / "stock")
    half = LabelStudioServer(tmp_path / "half", {"ML_BLOCK_LOCAL_IP": "false"})
    try:
        for server in (stock.start(), half.start()):
            server.wait_until_ready()
            result = _run(server, server.api.personal_access_token(), backend.url)
            assert result.exit_code == 1
            assert "ML_BLOCK_LOCAL_IP=false" in result.stderr
            assert "SSRF_PROTECTION_ENABLED=false" in result.stderr
        # With one variable set Label Studio answers 403 as well, but has saved the backend.
        assert len(half.api.backends(_project(half, "Segment Anything"))) == 1
        again = _run(half, half.api.personal_access_token(), backend.url)
        assert again.exit_code == 1
        assert "refuses its webhook" in again.stderr
    finally:
        stock.stop()
        half.stop()


def _annotate(server: LabelStudioServer, task: int, control: str, label: str, to_name: str = "image") -> None:
    region = {
        "from_name": control,
        "to_name": to_name,
        "type": "keypointlabels",
        "original_width": 40,
        "original_height": 30,
        "value": {"x": 50, "y": 50, "width": 1, "keypointlabels": [label]},
    }
    server.api.call("POST", f"/api/tasks/{task}/annotations/", json={"result": [region]})
