"""What `serve` refuses, in this process: none of it gets as far as Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serve_app import ROOT
from serve_app.cli.main import app
from serve_app.cli.serve import command
from serve_app.settings import variables
from testing.file_server import Server
from testing.running_app import free_port
from tests.serve_app.mistakes import MISTAKES


@pytest.fixture(autouse=True)
def _nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: Any) -> int:
        raise AssertionError("Ray would start")

    monkeypatch.setattr(command, "supervise", started)
    for name in variables():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """One that is refused by its host, if by nothing before."""
    path = tmp_path / "serve.yaml"
    path.write_text(
        "http_options: {host: 'nowhere.invalid'}\n"
        "applications: [{name: one, import_path: 'serve_app.app:build', args: {}}]\n"
    )
    return path


def last_line(config: Path, **given: str) -> str:
    """What is the last thing on the screen."""
    result = CliRunner().invoke(app, ["serve", "--config", str(config)], env=given)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    lines = result.output.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(mistake: str, config: Path) -> None:
    given, said = MISTAKES[mistake]
    assert said in last_line(config, **given)


def test_more_gpus_than_exist_are_said_before_ray_starts() -> None:
    given = {"MODEL": "classical", "CUDA_VISIBLE_DEVICES": ""}
    said = last_line(ROOT / "configs" / "one-gpu.yaml", **given)
    assert said.startswith(
        "The config books more GPUs than this machine has: at least 1 (Encoder 1 x 1) of 0."
    )


def test_no_mistake_gets_further(config: Path) -> None:
    assert last_line(config, MODEL="classical").startswith("HOST=nowhere.invalid is no address")


def test_a_token_that_label_studio_refuses_is_said_before_ray_starts(config: Path) -> None:
    with Server(
        lambda exchange: exchange.say(200, b'{"release": "1.23.2"}'), lambda exchange: exchange.say(401)
    ) as studio:
        said = last_line(config, LABEL_STUDIO_URL=studio.url, LABEL_STUDIO_API_KEY="old", MODEL="classical")
    assert "Label Studio answered 401 to the legacy token in LABEL_STUDIO_API_KEY; " in said


def test_a_label_studio_that_is_not_there_yet_keeps_nothing_from_starting(config: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    said = last_line(config, LABEL_STUDIO_URL=nobody, LABEL_STUDIO_API_KEY="new", MODEL="classical")
    assert said.startswith("HOST=")
