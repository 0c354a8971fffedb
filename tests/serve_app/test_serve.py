"""`serve`, from its first check to its end: with real clusters, and as few of them as show it."""

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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from serve_app.cli.serve.supervisor import MARK, Session
from testing.file_server import Exchange, Server
from testing.image_files import encoded
from testing.running_app import ROOT, RunningApp, inherited, running_app, wait_until_ready
from testing.scenes import Scene, scene
from tests.deployments.test_graph import click

WAIT_S = 60
LOCK = {"BASIC_AUTH_USER": "user", "BASIC_AUTH_PASS": "pass"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CACHE_MIB": "lots"}, "CACHE_MIB: must be a whole number, and is text. Correct it in the environ"),
        ({"BASIC_AUTH_USER": "a:b", "BASIC_AUTH_PASS": "c"}, "A user name with a colon cannot be sent"),
        ({"HOST": "http://0.0.0.0"}, "HOST=http://0.0.0.0 is no address to listen on."),
        ({"PORT": "9090x"}, "Invalid value for '--port' (env var: 'PORT')"),
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


@pytest.mark.cluster
def test_a_model_that_does_not_exist_is_said_and_is_an_exit_status() -> None:
    with pytest.raises(AssertionError) as caught, running_app(env={"MODEL": "clasical"}):
        pass
    assert "ended with 1" in str(caught.value)
    assert "no model is called 'clasical'" in str(caught.value)


@contextmanager
def slow_picture(picture: Scene) -> Iterator[tuple[str, Server]]:
    """A host that sends the picture once its ``closing`` is set."""

    def answer(exchange: Exchange) -> None:
        exchange.host.closing.wait(WAIT_S)
        exchange.say(200, encoded(Image.fromarray(picture.rgb)))

    with Server(answer) as server:
        yield f"{server.url}/slow.png", server


@pytest.mark.cluster
def test_two_at_once_are_two_and_each_leaves_nothing_behind(tmp_path: Path) -> None:
    """Started in the same second with the same ports but for PORT; one has IPv6 and a long TMPDIR."""
    far = tmp_path / ("x" * 60)
    far.mkdir()
    picture = scene(3, 320, 240)
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(running_app(env=env, haproxy=True, ready=False, dashboard_port=8265))
            for env in ({"HOST": "::", "TMPDIR": str(far), "IMAGE_HOSTS": "*"}, {"HOST": "localhost", **LOCK})
        )
        for app in (one, other):
            wait_until_ready(app)
        assert "backend    http://[::1]:" in one.said()
        _answer_only_for_themselves(one, other)
        asked = click(picture)
        asked["tasks"][0]["data"]["image"], host = stack.enter_context(slow_picture(picture))
        _stops_with_a_click_under_way(one, asked, host)
        assert _health(other.url, *LOCK.values()) == 200
        _leaves_nothing_when_killed(other)


def _answer_only_for_themselves(one: RunningApp, other: RunningApp) -> None:
    """Nobody is answered by the wrong one, whichever port is asked."""
    assert not _ports(one) & _ports(other)
    port = _port(one.url)
    open_ = [one.url, f"http://[::1]:{port}", f"http://127.0.0.1:{_fallback(one)}"]
    locked = [other.url, f"http://127.0.0.1:{_fallback(other)}"]
    for _ in range(8):  # a port that two share is answered by either
        assert [_health(url) for url in open_] == [200] * len(open_)
        assert [_health(url) for url in locked] == [401] * len(locked)
        assert [_health(url, *LOCK.values()) for url in locked] == [200] * len(locked)


def _stops_with_a_click_under_way(app: RunningApp, asked: dict[str, Any], host: Server) -> None:
    """SIGTERM to the group and another Ctrl-C while an image is being fetched: the click is answered."""
    session = _session(app)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(httpx.post, f"{app.url}/predict", json=asked, timeout=WAIT_S, trust_env=False)
        _until(lambda: bool(host.requests))
        os.killpg(app.process.pid, signal.SIGTERM)
        _until(lambda: _refused(app.url))
        app.process.send_signal(signal.SIGINT)
        host.closing.set()
        assert answer.result(WAIT_S).json()["results"][0]["result"]
    assert app.process.wait(WAIT_S) == 0, app.said()
    assert session.members() == set()
    assert _refused(app.url)


def _leaves_nothing_when_killed(app: RunningApp) -> None:
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
