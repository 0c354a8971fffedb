from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from serve_app.cli.serve.ports import HIGHEST, Listener, Ports, PortTaken, listeners
from testing.running_app import free_port

HERE = "127.0.0.1"


@pytest.fixture
def one() -> Iterator[Ports]:
    with Ports() as ports:
        yield ports


@pytest.fixture
def other() -> Iterator[Ports]:
    with Ports() as ports:
        yield ports


def listening(port: int, *, reuse_port: bool = False) -> socket.socket:
    """As HAProxy listens, or with ``reuse_port`` as Serve's own proxy does."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    server.bind((HERE, port))
    server.listen()
    return server


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port is not held")
def test_a_port_that_one_has_chosen_is_not_the_others(one: Ports, other: Ports) -> None:
    port = one.hold_near(HERE, free_port())
    with pytest.raises(PortTaken, match=f"Cannot listen on {HERE}:{port}: Address already in use"):
        other.hold(HERE, port)
    assert other.hold_near(HERE, port) > port


@pytest.mark.parametrize("reuse_port", [False, True])
def test_what_this_instance_starts_listens_on_the_port_it_has_chosen(one: Ports, reuse_port: bool) -> None:
    port = one.hold_near(HERE, free_port())
    with listening(port, reuse_port=reuse_port), socket.create_connection((HERE, port)):
        pass


def test_nobody_connects_to_a_port_that_is_only_held(one: Ports) -> None:
    port = one.hold_near(HERE, free_port())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HERE, port))


@pytest.mark.parametrize("reuse_port", [False, True])
def test_a_port_on_which_somebody_listens_is_taken(one: Ports, reuse_port: bool) -> None:
    with listening(0, reuse_port=reuse_port) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken):
            one.hold(HERE, port)
        assert one.hold_near(HERE, port) > port


def test_a_port_is_free_again_when_its_instance_has_ended(other: Ports) -> None:
    with Ports() as ended:
        port = ended.hold_near(HERE, free_port())
    assert other.hold(HERE, port) == port


def test_an_address_of_another_machine_is_refused(one: Ports) -> None:
    with pytest.raises(PortTaken, match="Cannot listen on 192"):
        one.hold("192.0.2.1", free_port())


def test_the_search_for_a_free_port_ends(one: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_app.cli.serve.ports._TRIED", 1)
    with listening(0) as server, pytest.raises(PortTaken, match="No port of 1 from"):
        one.hold_near(HERE, server.getsockname()[1])
    with pytest.raises(PortTaken):
        one.hold_near(HERE, HIGHEST + 1)


def test_who_listens_there_is_found_by_the_address() -> None:
    with listening(0) as server:
        port = server.getsockname()[1]
        assert listeners(HERE, port) == [Listener(HERE, os.getpid())]
        assert len(listeners("0.0.0.0", port)) == 1
        assert listeners("127.0.0.2", port) == []
