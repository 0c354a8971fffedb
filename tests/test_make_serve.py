"""`make serve` as people see it: what it starts has the last word, and make's status is whether it failed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the real Makefile and the real script, and a `.venv` whose Python is a shell script."""
    for name in ("Makefile", "virtual_environment.py", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / ".requirements").touch()
    return tmp_path


def python(clone: Path, script: str) -> None:
    """Let the Python of `.venv` be this script."""
    file = clone / ".venv" / "bin" / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def make(clone: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.Popen(
        ["make", *words],
        cwd=clone,
        env={**kept, "TMPDIR": str(clone), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("words", [("serve",), (), ("serve", "-j2")], ids=" ".join)
def test_a_start_that_fails_has_the_last_word(clone: Path, words: tuple[str, ...]) -> None:
    python(clone, 'echo "PORT=$PORT: must be a whole number." >&2; exit 2')
    started = make(clone, *words, PORT="9090x")
    assert started.communicate() == ("", "PORT=9090x: must be a whole number.\n")
    assert started.returncode == 1
    assert not list(clone.glob("tmp.*"))


def test_one_that_ends_well_ends_with_0(clone: Path) -> None:
    python(clone, 'echo "$@ PORT=$PORT $MAKEFLAGS"')
    started = make(clone, "serve", "PORT=9091")
    assert started.communicate() == ("-m serve_app serve PORT=9091 \n", "")
    assert started.returncode == 0


def test_to_show_what_would_be_done_does_nothing(clone: Path) -> None:
    python(clone, "echo started")
    started = make(clone, "-n", "serve")
    assert "virtual_environment.py serve" in started.communicate()[0]
    assert started.returncode == 0


# It forks nothing once it has started: a shell may miss a signal that comes just then.
STOPPABLE = """
trap 'kill $!; echo ending; exit 0' INT TERM
sleep 600 >/dev/null 2>&1 &
echo started
wait
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM to make"])
def test_who_stops_it_hears_of_its_end_and_nothing_of_make(clone: Path, number: signal.Signals) -> None:
    python(clone, STOPPABLE)
    started = make(clone, "serve")
    assert started.stdout is not None
    assert started.stdout.readline() == "started\n"
    if number is signal.SIGINT:
        os.killpg(started.pid, number)  # as a terminal does
    else:
        started.send_signal(number)
    assert started.communicate() == ("ending\n", "")


@pytest.mark.slow
def test_a_broken_virtual_environment_is_made_anew(clone: Path) -> None:
    (clone / "requirements.txt").write_text("")
    (clone / "serve_app").mkdir()
    (clone / "serve_app" / "__main__.py").write_text("print('served')\n")
    (clone / ".venv" / "bin" / "python").symlink_to(clone / "gone")
    started = make(clone, "serve")
    out, said = started.communicate()
    assert (out, started.returncode) == ("served\n", 0), said
    assert said.startswith(
        f".venv has lost its Python ({clone}/gone): it is made anew.\nInstalling into .venv "
    )
