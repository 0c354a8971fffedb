"""`serve`: what it sets before Ray starts, and how it ends."""

import importlib.util
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cli.report import Watch
from serve_app.cli.serve import command, environment, ports
from tests.running_app import ROOT, running_app


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command changes the process: its environment, its folder, its path."""
    before, folder, path = dict(os.environ), Path.cwd(), list(sys.path)
    yield
    os.environ.clear()
    os.environ.update(before)
    os.chdir(folder)
    sys.path[:] = path


def test_haproxy_mode_is_a_pair_of_flags_and_paths_of_its_own(tmp_path: Path) -> None:
    environment.prepare(environment.variables(tmp_path, haproxy=True, ports={}))
    assert os.environ["RAY_SERVE_ENABLE_HA_PROXY"] == os.environ["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
    assert os.environ["RAY_SERVE_HAPROXY_SOCKET_PATH"].startswith(str(tmp_path))
    assert os.environ["RAY_AUTH_MODE"] == "disabled"


def test_without_haproxy_neither_flag_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_THROUGHPUT_OPTIMIZED"):
        monkeypatch.delenv(name, raising=False)
    environment.prepare(environment.variables(tmp_path, haproxy=False, ports={}))
    assert "RAY_SERVE_ENABLE_HA_PROXY" not in os.environ
    assert "RAY_SERVE_THROUGHPUT_OPTIMIZED" not in os.environ


def test_what_the_operator_has_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment.prepare(environment.variables(tmp_path, haproxy=True, ports={}))
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert os.environ["PYTHONPATH"] == f"{ROOT}{os.pathsep}/elsewhere"


def test_a_port_that_is_taken_gives_another() -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ports.free_port(port) not in (0, port)
    assert ports.free_port(port) == port


def test_a_port_that_is_taken_is_said_before_ray_starts(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit):
            ports.refuse_taken("127.0.0.1", port)
    assert f"Cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
    ports.refuse_taken("127.0.0.1", port)


def test_a_system_without_haproxy_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not command._has_haproxy()
    assert "Serve's own proxy" in capsys.readouterr().out


def test_the_report_names_every_application(capsys: pytest.CaptureFixture[str]) -> None:
    config = {
        "http_options": {"host": "0.0.0.0", "port": 9},
        "applications": [{"route_prefix": "/"}, {"route_prefix": "/sam"}],
    }
    Watch(config, "http://127.0.0.1:8265", Path("docs"))._say()
    [backend, dashboard, docs] = capsys.readouterr().out.splitlines()
    assert backend.startswith("backend    http://127.0.0.1:9 (")
    assert "http://127.0.0.1:9/sam (" in backend
    assert dashboard.endswith("http://127.0.0.1:8265")
    assert docs.endswith("docs")


def test_an_application_that_cannot_be_served_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, signal: interrupted.append(pid))
    watch = Watch({"http_options": {"host": "127.0.0.1", "port": 9}, "applications": []}, "", Path())
    watch._give_up({"segment-anything": "Traceback\nModelError: no model is called 'sam9'"})
    assert watch.failed
    assert interrupted == [os.getpid()]


@pytest.mark.cluster
def test_a_model_that_does_not_exist_is_said_and_is_an_exit_status() -> None:
    with pytest.raises(AssertionError) as caught, running_app(env={"MODEL": "clasical"}):
        pass
    assert "ended with 1" in str(caught.value)
    assert "no model is called 'clasical'" in str(caught.value)


@pytest.mark.cluster
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_every_way_to_stop_it_frees_the_port_and_ends_well(number: signal.Signals) -> None:
    with running_app(haproxy=True) as app:
        app.process.send_signal(number)
        assert app.process.wait(90) == 0, app.said()
        port = int(app.url.rsplit(":", 1)[1])
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
