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

from serve_app.cli.doctor.open_ports import (
    Answer,
    ListeningPort,
    answers,
    ask,
    listening_ports,
    public_addresses,
)
from testing.running_app import free_port

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
    port = free_port()
    for each in (ListeningPort("raylet", 1, port, ""), ListeningPort("raylet", 1, port, HERE)):
        assert dict(answers([each], [HERE])) == {each: Answer.NONE}
        assert dict(answers([each], [])) == {each: Answer.NONE}


def test_a_port_on_loopback_is_asked_there_and_an_open_one_where_others_reach_it() -> None:
    with http_server(401, "text/plain") as port:
        inside, outside = (ListeningPort("raylet", 1, port, loopback) for loopback in (HERE, ""))
        assert dict(answers([inside, outside], [])) == {inside: Answer.REFUSED, outside: Answer.NONE}
        assert dict(answers([outside], ["127.0.0.2", HERE])) == {outside: Answer.REFUSED}


@pytest.mark.parametrize(
    ("family", "address", "loopback"),
    [
        (socket.AF_INET, "0.0.0.0", ""),
        (socket.AF_INET, HERE, HERE),
        (socket.AF_INET6, "::", ""),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::ffff:127.0.0.1", HERE),
    ],
)
def test_who_listens_for_others_is_told_from_who_does_not(
    family: socket.AddressFamily, address: str, loopback: str
) -> None:
    with socket.socket(family) as listening:
        try:
            listening.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine has no {address}")
        listening.listen()
        mine = ListeningPort("raylet", os.getpid(), listening.getsockname()[1], loopback)
        assert mine in (listening_ports({os.getpid(): "raylet"}) or [])
        assert listening_ports({}) == []


def test_public_addresses_are_those_of_others() -> None:
    for address in public_addresses():
        assert not ipaddress.ip_address(address).is_loopback
