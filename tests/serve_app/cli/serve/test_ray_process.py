from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cli.serve import ray_process
from serve_app.cli.serve.ports import Listener
from serve_app.cli.serve.ray_process import Instance, port_conflict
from serve_app.cli.serve.supervisor import Session

HERE = "127.0.0.1"
NOBODY = Session(2**22 + 1, "nobody")  # more than any process id


def instance(*ports: tuple[str, str, int]) -> Instance:
    return Instance(
        "http://127.0.0.1:9", ("", "/sam"), 8265, 8266, ports, "/tmp/ray", ("a note",), ("a warning",)
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
