"""`serve`, from its first check to its end."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from PIL import Image

from serve_app.cli.serve.supervisor import MARK, Session
from testing.file_server import Exchange, Server
from testing.image_files import encoded
from testing.running_app import ROOT, RunningApp, inherited
from testing.scenes import Scene, scene
from tests.deployments.test_graph import click
from tests.shared import LOCK, Other

WAIT_S = 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CACHE_MIB": "lots"}, "CACHE_MIB: must be a whole number, and is text. Correct it in the environ"),
        ({"BASIC_AUTH_USER": "a:b", "BASIC_AUTH_PASS": "c"}, "A user name with a colon cannot be sent"),
        ({"HOST": "http://0.0.0.0"}, "HOST=http://0.0.0.0 is no address to listen on."),
        (
            {"PORT": "9090x"},
            "PORT=9090x: must be a whole number from 1 to 65535. Correct it in the environment",
        ),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_cannot_be_served_with_is_a_sentence_before_ray_starts(
    variables: dict[str, str], said: str, tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "serve_app", "serve", "--temp-dir", str(tmp_path)[:30]],
        cwd=ROOT,
        env={**inherited(), **variables, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("import time:")]
    assert ended.returncode in (1, 2)
    assert said in "\n".join(lines)
    assert "Traceback" not in ended.stderr
    assert "pydantic.dev" not in ended.stderr
    assert "| ray\n" not in ended.stderr


@contextmanager
def slow_picture(picture: Scene) -> Iterator[tuple[str, Server]]:
    """A host that sends the picture once its ``closing`` is set."""

    def answer(exchange: Exchange) -> None:
        exchange.host.closing.wait(WAIT_S)
        exchange.say(200, encoded(Image.fromarray(picture.rgb)))

    with Server(answer) as server:
        yield f"{server.url}/slow.png", server


@pytest.mark.cluster
def test_two_at_once_are_two(app: RunningApp, other_cluster: Other) -> None:
    """They ask for the same ports but for PORT; nobody is answered by the wrong one, whichever is asked."""
    one = other_cluster.app
    assert "backend    http://[::1]:" in one.said()
    assert not _ports(one) & _ports(app)
    port = _port(one.url)
    open_ = [one.url, f"http://[::1]:{port}", f"http://127.0.0.1:{_fallback(one)}"]
    locked = [app.url, f"http://127.0.0.1:{_fallback(app)}"]
    for _ in range(8):  # a port that two share is answered by either
        assert [_health(f"{url}/locked") for url in open_] == [404] * len(open_)
        assert [_health(f"{url}/locked") for url in locked] == [401] * len(locked)
        assert [_health(f"{url}/locked", *LOCK) for url in locked] == [200] * len(locked)


@pytest.mark.cluster
@pytest.mark.ends_what_is_shared
def test_one_that_stops_answers_the_click_under_way_and_leaves_nothing_behind(
    app: RunningApp, other_cluster: Other
) -> None:
    """SIGTERM to the group and another Ctrl-C while an image is being fetched; the other one goes on."""
    picture, one = scene(3, 320, 240), other_cluster.app
    session = _session(one)
    asked = click(picture)
    with slow_picture(picture) as (url, host), ThreadPoolExecutor(1) as threads:
        asked["tasks"][0]["data"]["image"] = url
        answer = threads.submit(httpx.post, f"{one.url}/predict", json=asked, timeout=WAIT_S, trust_env=False)
        _until(lambda: bool(host.requests))
        os.killpg(one.process.pid, signal.SIGTERM)
        _until(lambda: _refused(one.url))
        one.process.send_signal(signal.SIGINT)
        host.closing.set()
        assert answer.result(WAIT_S).json()["results"][0]["result"]
    assert one.process.wait(WAIT_S) == 0, one.said()
    assert session.members() == set()
    assert _refused(one.url)
    assert _health(app.url) == 200


@pytest.mark.cluster
@pytest.mark.ends_what_is_shared
def test_one_that_is_killed_leaves_nothing_behind(app: RunningApp) -> None:
    """SIGKILL of what the operator has started: the rest stops by itself."""
    session = _session(app)
    app.process.kill()
    app.process.wait()
    _until(lambda: not session.members())
    assert _refused(app.url)


def _health(url: str, *auth: str) -> int:
    user = (auth[0], auth[1]) if auth else None
    return httpx.get(f"{url}/health", auth=user, timeout=WAIT_S, trust_env=False).status_code


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _refused(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", _port(url))).close()
    except ConnectionRefusedError:
        return True
    return False


def _variables(app: RunningApp) -> dict[str, str]:
    """Of the process that runs Ray."""
    given = Path(f"/proc/{_inner(app)}/environ").read_text().split("\0")
    return {name: value for name, _, value in (each.partition("=") for each in given)}


def _inner(app: RunningApp) -> int:
    [pid] = Path(f"/proc/{app.process.pid}/task/{app.process.pid}/children").read_text().split()
    return int(pid)


def _session(app: RunningApp) -> Session:
    return Session(_inner(app), _variables(app)[MARK])


def _fallback(app: RunningApp) -> int:
    return int(_variables(app)["RAY_SERVE_FALLBACK_PROXY_HTTP_PORT"])


def _ports(app: RunningApp) -> set[int]:
    """On which any process of the application listens."""
    members = _session(app).members()
    importlib.import_module("ray")  # which brings psutil
    connections = importlib.import_module("psutil").net_connections("tcp")
    return {each.laddr.port for each in connections if each.status == "LISTEN" and each.pid in members}


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
