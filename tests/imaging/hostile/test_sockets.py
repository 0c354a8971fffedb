"""The watch itself: what it is told of, and that nothing leaves the machine while it is on."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path

import pytest

from tests.imaging.hostile.sockets import Refused, watched
from tests.imaging.servers import Server


def test_a_connection_is_seen_whoever_makes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def connect() -> None:
            socket.create_connection(("127.0.0.1", port)).close()

        with watched() as watch:
            connect()
            thread = threading.Thread(target=connect)
            thread.start()
            thread.join()
        connect()
    assert watch.connected == [("127.0.0.1", port)] * 2
    assert watch.leaks(("127.0.0.1", port)) == []
    assert watch.leaks(("127.0.0.1", 80)) == [("127.0.0.1", port)] * 2


async def test_a_connection_of_asyncio_is_seen(server: Server) -> None:
    with watched() as watch:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.close()
    assert watch.leaks() == [("127.0.0.1", server.port)]


def test_nothing_leaves_the_machine() -> None:
    attempts: list[tuple[int, int, tuple[object, ...] | str]] = [
        (socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 80)),
        (socket.AF_INET6, socket.SOCK_STREAM, ("2001:db8::1", 80, 0, 0)),
        (socket.AF_INET, socket.SOCK_DGRAM, ("169.254.169.254", 53)),
        (socket.AF_UNIX, socket.SOCK_STREAM, "/nowhere/docker.sock"),
    ]
    for family, kind, address in attempts:
        with socket.socket(family, kind) as plug, watched() as watch, pytest.raises(Refused):
            plug.connect(address)
        assert len(watch.leaks()) == 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug, watched() as watch, pytest.raises(Refused):
        plug.sendto(b"x", ("192.0.2.1", 53))
    assert watch.leaks() == [("192.0.2.1", 53)]


def test_look_ups_are_seen() -> None:
    with watched() as watch:
        socket.getaddrinfo("127.0.0.1", 80, flags=socket.AI_NUMERICHOST)
        socket.gethostbyname("127.0.0.1")
    assert watch.looked_up == ["127.0.0.1", "127.0.0.1"]


def test_opened_files_are_seen_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "first").write_bytes(b"")
    (tmp_path / "second").write_bytes(b"")
    folder = os.open(tmp_path, os.O_RDONLY)
    with watched() as watch:
        (tmp_path / "first").read_bytes()
        os.close(os.open("second", os.O_RDONLY, dir_fd=folder))
    os.close(folder)
    assert watch.opened == ["first", "second"]
