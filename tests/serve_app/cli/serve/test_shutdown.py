from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from serve_app.cli.serve import shutdown
from serve_app.cli.serve.shutdown import Shutdown, wait_for_a_signal
from serve_app.cli.serve.supervisor import SIGNALS


@pytest.fixture
def stopping() -> Iterator[Shutdown]:
    before = {each: signal.getsignal(each) for each in SIGNALS}
    made = Shutdown()
    made.take_signals()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_the_first_signal_interrupts_and_those_that_follow_do_not(
    stopping: Shutdown, number: signal.Signals
) -> None:
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the signal may come at once
        threading.Timer(0.01, os.kill, (os.getpid(), number)).start()
        wait_for_a_signal()
    assert stopping.asked
    for each in (signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), each)  # would raise here


HEADER = "# pxname,svname,qcur,qmax,scur,smax,"


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown, "_LOOK_S", 0.001)


@contextmanager
def haproxy(counts: Sequence[int]) -> Iterator[tuple[Path, list[str]]]:
    """A folder with an admin socket, and what it is told; ``counts`` are under way, the last for ever."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        path = Path(folder) / "node" / "admin.sock"
        path.parent.mkdir()
        server.bind(str(path))
        server.listen()
        told: list[str] = []
        left = list(counts)

        def answer() -> None:
            while True:
                try:
                    asking, _ = server.accept()
                except OSError:
                    return
                with asking:
                    told.append(asking.recv(100).decode())
                    if told[-1] == "show stat\n":
                        count = left.pop(0) if len(left) > 1 else left[0]
                        rows = f"http_frontend,FRONTEND,,,9,9,\nb,one,0,0,9,9,\nb,BACKEND,0,0,{count},9,\n"
                        asking.sendall(f"{HEADER}\n{rows}\n".encode())

        threading.Thread(target=answer, daemon=True).start()
        yield Path(folder), told
        server.shutdown(socket.SHUT_RDWR)


def test_the_door_is_closed_first_and_what_is_under_way_is_waited_for() -> None:
    with haproxy([2, 1, 1, 0]) as (folder, told):
        assert shutdown.drain(folder, 60) == 0
    assert told[0] == "disable frontend http_frontend\n"
    assert len(told) == 1 + 3 + shutdown._QUIET


def test_a_request_that_comes_in_last_is_waited_for_too() -> None:
    with haproxy([0, 0, 1, 0]) as (folder, told):
        assert shutdown.drain(folder, 60) == 0
    assert len(told) == 1 + 3 + shutdown._QUIET


def test_what_takes_too_long_is_counted_and_left() -> None:
    with haproxy([3]) as (folder, _):
        assert shutdown.drain(folder, 0.01) == 3


def test_an_haproxy_that_has_died_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "admin.sock").touch()
    assert shutdown.drain(tmp_path, 60) == 0


def test_without_haproxy_serves_own_proxies_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([1, 0, 0, 0, 0, 0])
    monkeypatch.setattr(shutdown, "_proxies_that_work", lambda: left.__next__)
    assert shutdown.drain(tmp_path, 60) == 0
