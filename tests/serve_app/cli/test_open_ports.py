from __future__ import annotations

import importlib
import ipaddress
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from serve_app.cli.open_ports import Answer, OpenPort, answers, ask, open_ports, public_addresses
from tests.running_app import free_port

HERE = "127.0.0.1"
grpc = importlib.import_module("grpc")  # which has no types


class Service:
    """Knows one call of Ray's, and ends it with ``code``."""

    def __init__(self, call: str, code: Any) -> None:
        self._call = call
        self._code = code

    def service(self, details: Any) -> Any:
        if details.method != self._call:
            return None
        return grpc.unary_unary_rpc_method_handler(self._answer)

    def _answer(self, request: bytes, context: Any) -> bytes:
        if self._code is not grpc.StatusCode.OK:
            context.abort(self._code, "")
        return b""


@contextmanager
def grpc_server(call: str, code: Any) -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(1), handlers=(Service(call, code),))
    port = server.add_insecure_port(f"{HERE}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@contextmanager
def http_server(status: int, kind: str) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer((HERE, 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield httpd.server_port
        finally:
            httpd.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("call", "code", "answer"),
    [
        ("/ray.rpc.NodeInfoGcsService/CheckAlive", "OK", Answer.GIVEN),
        ("/ray.rpc.CoreWorkerService/NumPendingTasks", "INVALID_ARGUMENT", Answer.GIVEN),
        ("/ray.rpc.ObjectManagerService/Pull", "UNAUTHENTICATED", Answer.REFUSED),
        ("/ray.serve.ASGIService/HandleRequestWithRejection", "UNKNOWN", Answer.GIVEN),
        ("/another.Service/Call", "OK", Answer.NONE),
    ],
)
def test_who_answers_a_call_without_a_token_is_found(call: str, code: str, answer: Answer) -> None:
    with grpc_server(call, grpc.StatusCode[code]) as port:
        assert ask(HERE, port, "raylet") is answer


@pytest.mark.parametrize(
    ("status", "kind", "process", "answer"),
    [
        (200, "application/json", "Ray's dashboard", Answer.GIVEN),
        (404, "text/plain", "ray::RuntimeEnvAgent", Answer.GIVEN),
        (401, "text/plain", "Ray's dashboard", Answer.REFUSED),
        (403, "text/plain", "ray::DashboardAgent", Answer.REFUSED),
        (200, "text/plain; version=1.0.0; charset=utf-8", "ray::DashboardAgent", Answer.METRICS),
        (404, "application/json", "ray::ServeReplica:a:Ingress", Answer.APPLICATION),
    ],
)
def test_who_answers_http_without_a_token_is_found(
    status: int, kind: str, process: str, answer: Answer
) -> None:
    with http_server(status, kind) as port:
        assert ask(HERE, port, process) is answer


def test_nobody_answers_where_nobody_listens() -> None:
    port = OpenPort("raylet", 1, free_port())
    assert dict(answers([port], [HERE])) == {port: Answer.NONE}
    assert dict(answers([port], [])) == {port: Answer.NONE}


@pytest.mark.parametrize(
    ("family", "address", "is_open"),
    [
        (socket.AF_INET, "0.0.0.0", True),
        (socket.AF_INET, HERE, False),
        (socket.AF_INET6, "::", True),
        (socket.AF_INET6, "::1", False),
        (socket.AF_INET6, "::ffff:127.0.0.1", False),
    ],
)
def test_a_port_is_open_unless_it_is_on_loopback(
    family: socket.AddressFamily, address: str, is_open: bool
) -> None:
    with socket.socket(family) as listening:
        try:
            listening.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine has no {address}")
        listening.listen()
        mine = OpenPort("raylet", os.getpid(), listening.getsockname()[1])
        assert (mine in (open_ports({os.getpid(): "raylet"}) or [])) is is_open
        assert open_ports({}) == []


def test_public_addresses_are_those_of_others() -> None:
    for address in public_addresses():
        assert not ipaddress.ip_address(address).is_loopback
