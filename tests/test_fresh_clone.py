"""README's first commands on a machine that has none of this: a new clone, an empty home."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from testing.doc_blocks import lines
from testing.running_app import ROOT, free_port, inherited

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

README = list(lines(ROOT / "README.md"))
INSTALLED_S = 900
STARTED_S = 120
STOPPED_S = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("new")


@contextmanager
def typed(script: str, folder: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Lines in a terminal of a person whose home is ``folder``; what they print goes to ``screen`` there."""
    with (folder / "screen").open("wb") as screen:
        process = subprocess.Popen(
            # Whatever a shell started in the background ignores Ctrl-C, these tests maybe as well.
            ["env", "--default-signal=INT", "bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env={**inherited(), "HOME": str(folder), **variables},
            stdout=screen,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(
    condition: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path, limit: float
) -> None:
    """Until it holds. Fails with what is on the screen."""
    deadline = time.monotonic() + limit
    while not condition():
        waiting = process.poll() is None and time.monotonic() < deadline
        assert waiting, (folder / "screen").read_text(errors="replace")[-4000:]
        time.sleep(0.5)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False, timeout=5).is_success
    except httpx.HTTPError:
        return False


def ctrl_c(process: subprocess.Popen[bytes]) -> None:
    """As a terminal sends it: to everything in the foreground."""
    os.killpg(process.pid, signal.SIGINT)
    process.wait(STOPPED_S)


def running_in(folder: Path) -> list[str]:
    """The commands of processes whose home this is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"HOME={folder}\0".encode() in (process / "environ").read_bytes() + b"\0":
                found.append((process / "cmdline").read_text())
        except OSError:  # ended, or somebody else's
            continue
    return found


def test_the_first_three_lines(folder: Path) -> None:
    clone, enter, serve = README[:3]
    assert [line.split()[0] for line in (clone, enter, serve)] == ["git", "cd", "make"]
    script = "\n".join((clone.replace("ADDRESS", str(ROOT)), enter, serve))
    url = f"http://127.0.0.1:{(port := free_port())}"
    with typed(script, folder, PORT=str(port)) as process:
        screen = folder / "screen"
        wait_for(lambda: "\ndocs " in screen.read_text(errors="replace"), process, folder, INSTALLED_S)
        assert answers(url)
        # Among them a note, where another Ray has a port that this one would have taken.
        said = {line.split()[0]: line for line in screen.read_text().splitlines() if line.strip()}
        backend, dashboard, metrics, logs, docs = map(
            said.__getitem__, ("backend", "dashboard", "metrics", "logs", "docs")
        )
        assert backend.startswith(f"backend    {url} (")
        assert dashboard.startswith("dashboard  http://127.0.0.1:")
        assert metrics.startswith("metrics    http://127.0.0.1:")
        assert Path(re.sub(r"^logs +", "", logs)).is_dir()
        assert re.match(r"docs +\S+/docs$", docs)
        ctrl_c(process)
    assert running_in(folder) == []


def test_the_same_by_hand(folder: Path) -> None:
    clone = folder / "segment-anything"
    assert clone.is_dir(), "the test before this one makes it"
    install, serve = (line for line in README if re.match(r"pip install|\S+ serve run", line))
    config, port = clone / "configs" / "serve.yaml", free_port()
    config.write_text(config.read_text().replace("port: 9090", f"port: {port}"))
    ray = {"RAY_TMPDIR": str(folder), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    script = f"cd {clone}\n. .venv/bin/activate\n{install}\n{serve}"
    with typed(script, folder, **ray) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(url), process, folder, STARTED_S)
        ctrl_c(process)
    assert running_in(folder) == []
