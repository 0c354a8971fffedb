"""`.venv` as people leave it: broken, moved, half installed."""

from __future__ import annotations

import http.server
import io
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import virtual_environment
from virtual_environment import Unusable, VirtualEnvironment

ROOT = Path(__file__).resolve().parents[1]


class Clone:
    """A folder with a requirements.txt and a .venv whose Python is a script that says what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.screen = io.StringIO()
        self.venv = VirtualEnvironment(folder / ".venv", self.screen)
        self.requirements = folder / "requirements.txt"
        self.requirements.write_text("six\n")
        self.packages = self.venv.folder / "lib" / "python3.11" / "site-packages"
        self.log = folder / "asked"

    def make(self, pip: str = "exit 0") -> None:
        (self.packages / "pip").mkdir(parents=True)
        (self.packages / "pip" / "__init__.py").touch()
        real = self.folder / "usr" / "python3.11"
        real.parent.mkdir(exist_ok=True)
        real.write_text(f'#!/bin/sh\necho "$@" >>"{self.log}"\n{pip}\n')
        real.chmod(0o755)
        (self.venv.folder / "bin").mkdir()
        self.venv.python.symlink_to(real)
        command = f"command = /usr/bin/python3 -m venv {self.venv.folder.resolve()}\n"
        (self.venv.folder / "pyvenv.cfg").write_text(f"home = /usr/bin\n{command}")

    @property
    def said(self) -> str:
        return self.screen.getvalue()

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_nothing_is_said_of_one_that_is_well_or_not_there(clone: Clone) -> None:
    clone.venv.mend()
    clone.make()
    clone.venv.mend()
    assert clone.said == ""
    assert clone.venv.python.exists()


def test_one_whose_python_is_gone_is_taken_away(clone: Clone) -> None:
    clone.make()
    (clone.folder / "usr" / "python3.11").unlink()
    clone.venv.mend()
    assert clone.said == f".venv has lost its Python ({clone.folder}/usr/python3.11): it is made anew.\n"
    assert not clone.venv.folder.exists()


def test_one_that_was_half_made_is_taken_away(clone: Clone) -> None:
    clone.packages.mkdir(parents=True)
    clone.venv.mend()
    assert not clone.venv.folder.exists()


def test_one_whose_python_has_become_another_is_taken_away(clone: Clone) -> None:
    clone.make()
    clone.packages.parent.rename(clone.packages.parent.with_name("python3.10"))
    clone.venv.mend()
    assert clone.said == ".venv was made with Python 3.10, and its Python is 3.11 now: it is made anew.\n"
    assert not clone.venv.folder.exists()


def test_of_a_link_the_link_is_taken_away(clone: Clone, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    clone.venv.folder.symlink_to(elsewhere)
    clone.venv.mend()
    assert not os.path.lexists(clone.venv.folder)
    assert elsewhere.is_dir()


def test_one_that_was_moved_is_taken_away(tmp_path: Path) -> None:
    before = Clone(tmp_path)
    before.make()
    (tmp_path / "moved").mkdir()
    before.venv.folder.rename(tmp_path / "moved" / ".venv")
    after = Clone(tmp_path / "moved")
    after.venv.mend()
    assert after.said == f".venv was made at {before.venv.folder}: it is made anew.\n"
    assert not after.venv.folder.exists()


def test_requirements_are_installed_once_and_again_when_they_change(clone: Clone) -> None:
    clone.make()
    clone.venv.install(clone.requirements)
    fetched = virtual_environment.FETCHED
    assert clone.said == f"Installing into .venv what requirements.txt names, once: {fetched}.\n"
    [asked] = clone.asked
    assert asked.startswith("-m pip install ")
    assert asked.endswith(f"-r {clone.requirements}")
    clone.venv.install(clone.requirements)
    assert len(clone.asked) == 1
    later = clone.requirements.stat().st_mtime + 9
    os.utime(clone.requirements, (later, later))
    clone.venv.install(clone.requirements)
    assert len(clone.asked) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="what is fetched elsewhere is not in the README")
def test_the_readme_says_as_well_how_much_is_fetched() -> None:
    sizes = re.findall(r"[\d.]+ GB", virtual_environment.FETCHED)
    [row] = re.findall(r"^\| \*\*installs\*\* .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sizes
    assert all(size in row for size in sizes)


def test_what_pip_was_interrupted_in_is_installed_anew(clone: Clone) -> None:
    clone.make()
    for name in ("ray-2.60.0.dist-info", "torch-2.13.0.dist-info", "~orch"):
        (clone.packages / name).mkdir()
    (clone.packages / "ray-2.60.0.dist-info" / "RECORD").touch()
    clone.venv.install(clone.requirements)
    assert ".venv was not installed to its end: torch.\n" in clone.said
    assert sorted(each.name for each in clone.packages.iterdir()) == ["pip", "ray-2.60.0.dist-info"]


def test_what_pip_cannot_do_is_a_sentence_and_tried_again(
    clone: Clone, capfd: pytest.CaptureFixture[str]
) -> None:
    clone.make("echo 'ERROR: No matching distribution found for six'; exit 1")
    with pytest.raises(Unusable, match="is not installed: why is above"):
        clone.venv.install(clone.requirements)
    assert "ERROR: No matching distribution found for six\n" in capfd.readouterr().err
    with pytest.raises(Unusable):
        clone.venv.install(clone.requirements)
    assert len(clone.asked) == 2


def test_a_full_disk_is_said(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.make("exit 1")
    monkeypatch.setattr(virtual_environment, "FULL", 2**80)
    with pytest.raises(Unusable, match="is not installed: the disk is full"):
        clone.venv.install(clone.requirements)


def test_a_python_that_is_too_old_makes_none(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_environment, "OLDEST", (4, 0))
    with pytest.raises(Unusable, match=r"Python 3\.11 or newer is needed; name it with PYTHON="):
        clone.venv.install(clone.requirements)


class Index(http.server.BaseHTTPRequestHandler):
    """An index with one package of some MB."""

    def __init__(self, wheel: bytes, *given: object) -> None:
        self._wheel = wheel
        super().__init__(*given)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        name = "big-1.0-py3-none-any.whl"
        body = self._wheel if self.path.endswith(".whl") else f'<a href="/{name}">{name}</a>'.encode()
        self.send_response(200)
        kind = "application/octet-stream" if self.path.endswith(".whl") else "text/html"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *given: object) -> None:  # noqa: A002 - as http.server has it
        """Nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    made = tmp_path / "big.whl"
    with zipfile.ZipFile(made, "w") as wheel:
        wheel.writestr("big.bin", os.urandom(3 * 2**20))
        wheel.writestr("big-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: big\nVersion: 1.0\n")
        wheel.writestr(
            "big-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("big-1.0.dist-info/RECORD", "")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Index, made.read_bytes())) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


@pytest.mark.slow
def test_a_real_one_is_made_and_a_real_pip_fills_it(
    tmp_path: Path, index: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in [each for each in os.environ if each.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in {"CONFIG_FILE": os.devnull, "INDEX_URL": index, "NO_CACHE_DIR": "1"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    clone = Clone(tmp_path)
    clone.requirements.write_text("big\n")
    clone.venv.install(clone.requirements)
    assert "Downloading " in (said := capfd.readouterr().err)
    assert "(3.1 MB)" in said
    [package] = clone.venv.folder.glob("lib/python3.*/site-packages/big-1.0.dist-info")
    (package / "RECORD").unlink()
    (clone.venv.folder / ".requirements").unlink()
    clone.venv.install(clone.requirements)
    assert (package / "RECORD").exists()


_EARLY = """
import os, signal, subprocess, sys, time
import virtual_environment

class Started(subprocess.Popen):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        while not os.path.exists("ready"):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Started
virtual_environment.ROOT = os.getcwd()
script = "trap 'exit 7' TERM; touch ready; while :; do sleep 0.02; done"
sys.exit(virtual_environment.run(["sh", "-c", script]))
"""


def test_a_signal_is_passed_on_to_what_has_just_been_started(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", _EARLY], cwd=tmp_path, env=environment, timeout=60)
    assert done.returncode == 7
