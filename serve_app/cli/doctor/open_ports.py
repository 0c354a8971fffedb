"""On which ports Ray listens, and what it does there for a client without a token.

Ray's processes talk gRPC with each other, and some of them HTTP. Whoever may talk to them can run code as
their user.
"""

from __future__ import annotations

import importlib
import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import httpx

from serve_app.cli.serve.address import joined

TIMEOUT_S = 5.0

# Of each of Ray's services one call that changes nothing, and its message.
_NOBODYS_OBJECT = b"".join(bytes((tag, 28)) + b"no such node, no such object" for tag in (0x0A, 0x12))
_CALLS = (
    ("/ray.rpc.NodeInfoGcsService/CheckAlive", b""),
    ("/ray.rpc.NodeManagerService/GetSystemConfig", b""),
    ("/ray.rpc.CoreWorkerService/NumPendingTasks", b""),
    ("/ray.rpc.ObjectManagerService/Pull", _NOBODYS_OBJECT),
    ("/ray.rpc.LogService/ListLogs", b""),
    ("/ray.serve.ASGIService/HandleRequestWithRejection", b""),
)
# These answer HTTP for the application itself, which has a password of its own.
_OF_THE_APPLICATION = ("haproxy", "ray::ServeReplica", "ray::ProxyActor", "ray::HAProxyManager")


class Answer(Enum):
    """What a client without a token gets."""

    REFUSED = "refuses requests without a token"
    GIVEN = "ANSWERS WITHOUT A TOKEN"
    APPLICATION = "is the application's own"
    METRICS = "shows metrics to everybody"
    NONE = "does not answer"


@dataclass(frozen=True, slots=True)
class ListeningPort:
    """A TCP port on which the process ``pid`` of Ray listens.

    ``loopback``: the address when other machines do not reach it there; "" when they do.
    """

    process: str
    pid: int
    port: int
    loopback: str


def rays_processes() -> dict[int, str]:
    """The names of Ray's processes on this machine, and of HAProxy's, as far as this user may see them."""
    psutil = _psutil()
    found = {}
    for process in psutil.process_iter(("name", "cmdline")):
        name, words = process.info["name"] or "", process.info["cmdline"] or [""]
        if name in ("raylet", "gcs_server", "haproxy"):
            found[process.pid] = name
        elif words[0].startswith("ray::"):
            found[process.pid] = words[0].strip()
        elif any("/ray/dashboard/" in word for word in words):
            found[process.pid] = "Ray's dashboard"
    return found


def listening_ports(processes: dict[int, str]) -> list[ListeningPort] | None:
    """The ports of ``processes``; None where only root may know (macOS)."""
    psutil = _psutil()
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    return [
        ListeningPort(processes[each.pid], each.pid, each.laddr.port, _loopback(each.laddr.ip))
        for each in connections
        if each.pid in processes and each.status == psutil.CONN_LISTEN
    ]


def ask(address: str, port: int, process: str) -> Answer:
    """What the ``process`` that listens on ``address`` and ``port`` does for a client without a token."""
    response = _http(address, port)
    if response is not None:
        if process.startswith(_OF_THE_APPLICATION):
            return Answer.APPLICATION
        if response.headers.get("content-type", "").startswith("text/plain; version="):
            return Answer.METRICS
        return Answer.REFUSED if response.status_code in (401, 403) else Answer.GIVEN
    codes = set(_grpc_codes(address, port))
    if "UNAUTHENTICATED" in codes:
        return Answer.REFUSED
    return Answer.GIVEN if codes - {"UNIMPLEMENTED", "UNAVAILABLE", "DEADLINE_EXCEEDED"} else Answer.NONE


def public_addresses() -> list[str]:
    """The addresses of this machine that others may reach: all but loopback and link-local ones."""
    interfaces = _psutil().net_if_addrs()
    found = set()
    for address in (each.address for entries in interfaces.values() for each in entries):
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            continue  # a hardware address
        if not (parsed.is_loopback or parsed.is_link_local):
            found.add(address)
    return sorted(found)


def answers(ports: Iterable[ListeningPort], addresses: list[str]) -> Iterator[tuple[ListeningPort, Answer]]:
    """What each port says: on loopback, or at the first of ``addresses`` where it says anything."""
    for each in ports:
        reached = [each.loopback] if each.loopback else addresses
        said = (ask(address, each.port, each.process) for address in reached)
        yield each, next((answer for answer in said if answer is not Answer.NONE), Answer.NONE)


def _http(address: str, port: int) -> httpx.Response | None:
    try:
        return httpx.get(f"http://{joined(address, port)}/api/jobs/", timeout=TIMEOUT_S, trust_env=False)
    except httpx.HTTPError:
        return None


def _grpc_codes(address: str, port: int) -> Iterator[str]:
    """The status of each call, without a token; nothing more once one was refused."""
    grpc = importlib.import_module("grpc")  # comes with ray[serve]
    with grpc.insecure_channel(joined(address, port), options=[("grpc.enable_http_proxy", 0)]) as channel:
        for name, message in _CALLS:
            try:
                channel.unary_unary(name)(message, timeout=TIMEOUT_S)
            except grpc.RpcError as error:
                yield error.code().name
                if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE):
                    return
            else:
                yield "OK"


def _loopback(address: str) -> str:
    """``address`` itself, without a wrapping for IPv6, if it is on loopback."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    bare = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(bare) if bare.is_loopback else ""


def _psutil() -> Any:
    importlib.import_module("ray")  # which brings psutil
    return importlib.import_module("psutil")
