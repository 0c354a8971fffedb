from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
import yaml
from ray import serve
from ray.serve import scripts

from serve_app.cli.serve import ray_process
from serve_app.cli.serve.instance import Instance
from serve_app.cli.serve.ports import Listener
from serve_app.cli.serve.ray_process import port_conflict, run
from serve_app.cli.serve.screen import Screen
from serve_app.cli.serve.supervisor import SIGNALS, Session
from testing.canary import CANARY
from testing.running_app import ROOT

HERE = "127.0.0.1"
NOBODY = Session(2**22 + 1, "nobody")  # more than any process id


OWN = ROOT / "configs" / "serve.yaml"


def instance(*ports: tuple[str, str, int], config: Path = OWN) -> Instance:
    return Instance(
        "http://127.0.0.1:9",
        ("", "/sam"),
        8265,
        8266,
        9102,
        ports,
        "/tmp/ray",
        str(config),
        ("a note",),
        ("a warning",),
    )


def test_what_was_decided_reaches_the_other_process(tmp_path: Path) -> None:
    decided = instance(("Ray's dashboard", HERE, 8265))
    decided.write(tmp_path)
    assert Instance.read(tmp_path) == decided


@pytest.fixture
def listening() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.socket() as server:
        server.bind((HERE, 0))
        server.listen()
        yield server.getsockname()[1]


def test_the_processes_of_the_instance_are_no_strangers(listening: int) -> None:
    assert port_conflict(instance(("Ray's dashboard", HERE, listening)), Session(os.getsid(0), "")) == ""


def test_whoever_else_listens_on_a_port_of_the_instance_is_named(
    listening: int,
) -> None:
    said = port_conflict(instance(("HAProxy's metrics", HERE, listening)), NOBODY)
    assert f"(process {os.getpid()}) listens on port {listening} too, HAProxy's metrics." in said


def test_a_process_of_another_user_is_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(HERE, None)
    monkeypatch.setattr(ray_process, "listeners", lambda address, port: [listener])
    assert "a process of another user listens on port 9 too" in port_conflict(
        instance(("it", HERE, 9)), NOBODY
    )


def test_a_process_that_has_ended_meanwhile_is_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    there = iter([[Listener(HERE, 2**22)], []])
    monkeypatch.setattr(ray_process, "listeners", lambda address, port: next(there))
    assert port_conflict(instance(("it", HERE, 9)), NOBODY) == ""


@pytest.fixture
def signals() -> Iterator[None]:
    """The handlers of this process are its own again afterwards."""
    before = {each: signal.getsignal(each) for each in SIGNALS}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture(autouse=True)
def _ray_prints_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Screen, "install", lambda screen: None)


def _raising(error: Exception) -> Callable[..., None]:
    """What is called in place of ``ray.init``."""

    def init(**_: object) -> None:
        raise error

    return init


@pytest.mark.slow
@pytest.mark.usefixtures("signals")
def test_an_application_that_cannot_be_served_is_said_and_is_an_exit_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context = SimpleNamespace(dashboard_url=f"{HERE}:8265", address_info={"session_dir": str(tmp_path)})
    said = "Traceback:\nvalues.errors.ModelError: no model is called 'clasical'; did you mean classical?\n"
    failed = SimpleNamespace(status="DEPLOY_FAILED", message=said, deployments={})
    closed: list[str] = []
    monkeypatch.setattr(ray, "init", lambda **_: context)
    monkeypatch.setattr(ray, "shutdown", lambda: closed.append("Ray"))
    monkeypatch.setattr(serve, "status", lambda: SimpleNamespace(applications={"one": failed}))
    monkeypatch.setattr(scripts, "run", SimpleNamespace(main=lambda **_: None))
    monkeypatch.setattr(ray_process, "ray_token", lambda environment: None)
    assert run(tmp_path, instance()) == 1
    assert closed == ["Ray"]
    assert "The application 'one' cannot be served: no model is called 'clasical'" in capsys.readouterr().err


@pytest.mark.usefixtures("signals")
def test_a_misspelt_key_of_the_config_is_said_before_ray_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray, "init", _raising(AssertionError("Ray would start")))
    config = tmp_path / "mine.yaml"
    config.write_text(OWN.read_text().replace("num_replicas", "num_replicsa"))
    assert run(tmp_path, instance(config=config)) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith(f"{config}: applications[0].deployments") for line in lines)
    assert "did you mean 'num_replicas'" in lines[-1]


@pytest.mark.usefixtures("signals")
def test_a_password_in_the_config_is_said_and_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray, "init", _raising(Exception("it starts")))
    config = tmp_path / "mine.yaml"
    written = yaml.safe_load(OWN.read_text())
    written["applications"][0]["args"] |= {"basic_auth_user": "me", "basic_auth_pass": CANARY}
    config.write_text(yaml.safe_dump(written))
    assert run(tmp_path, instance(config=config)) == 1
    said = capsys.readouterr().err
    assert (
        "basic_auth_pass is written to Ray's log from here; set BASIC_AUTH_PASS in the environment." in said
    )
    assert "Ray does not start: it starts." in said


@pytest.mark.usefixtures("signals")
def test_where_ray_does_not_start_that_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = Exception("The current node timed out during startup. This could happen because")
    monkeypatch.setattr(ray, "init", _raising(late))
    assert run(tmp_path, instance()) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("Ray does not start: The current node timed out during startup.")
    assert "start again when it is not; what Ray logged is in /tmp/ray/session_latest/logs." in said
