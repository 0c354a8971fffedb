"""The application that a command starts for itself; what stands for `serve` here is a few lines of Python."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from label_studio.ml_backends import Backend
from serve_app.cli.common_options import CommandError
from serve_app.cli.own_application import SERVE as OWN
from serve_app.cli.own_application import application_at, variables_for
from testing.running_app import free_port
from tests.serve_app.cli.fake_backend import FakeBackend

NOBODY = Backend("http://127.0.0.1:1")

SERVE = """
import os, pathlib, sys
folder = pathlib.Path(sys.argv[1])
folder.joinpath("token").write_text(os.environ.get("LABEL_STUDIO_API_KEY", ""))
print("loading", flush=True)
print("backend    http://127.0.0.1:9090 (classical-2)", flush=True)
print("x" * 200_000, flush=True)
sys.stdin.read()
folder.joinpath("stopped").touch()
"""


def serve(folder: Path, source: str = SERVE) -> list[str]:
    return [sys.executable, "-c", source, str(folder)]


def test_it_runs_as_long_as_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with application_at(NOBODY, {"LABEL_STUDIO_API_KEY": "a token"}, serve(tmp_path)):
        assert (tmp_path / "token").read_text() == "a token"
        assert not (tmp_path / "stopped").exists()
    assert (tmp_path / "stopped").exists()
    assert capsys.readouterr().err.startswith("nothing answers at http://127.0.0.1:1: starting the appl")


def test_it_ends_with_a_command_that_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), application_at(NOBODY, {}, serve(tmp_path)):
        raise KeyboardInterrupt
    assert (tmp_path / "stopped").exists()


def test_one_that_answers_is_used(tmp_path: Path) -> None:
    with FakeBackend("/sam").serve() as url, application_at(Backend(url), {}, serve(tmp_path)):
        assert list(tmp_path.iterdir()) == []


def test_one_that_does_not_start_ends_the_command(tmp_path: Path) -> None:
    failing = serve(tmp_path, "import sys; print('loading'); sys.exit(1)")
    with (
        pytest.raises(CommandError, match="the application did not start"),
        application_at(NOBODY, {}, failing),
    ):
        pytest.fail("nothing answers")


@pytest.mark.slow
def test_it_ends_with_its_standard_input() -> None:
    port = {"PORT": str(free_port())}
    ended = subprocess.run(OWN, stdin=subprocess.DEVNULL, env={**os.environ, **port}, timeout=60, check=False)
    assert ended.returncode in (0, -signal.SIGTERM)


def test_where_another_is_named_none_is_started(tmp_path: Path) -> None:
    with application_at(NOBODY, variables_for(NOBODY.url, "http://studio", "key", "", ""), serve(tmp_path)):
        assert list(tmp_path.iterdir()) == []


def test_what_the_command_was_told_is_told_to_it() -> None:
    assert variables_for(" ", " http://studio ", "key", "", "") == {
        "LABEL_STUDIO_URL": "http://studio",
        "LABEL_STUDIO_API_KEY": "key",
    }
