from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Iterator

import pytest

from serve_app.cli.serve import endpoints as module
from serve_app.cli.serve.endpoints import Endpoints, EndpointsRefused, Requested
from serve_app.cli.serve.ports import HAPROXY_PORTS, Ports
from testing.running_app import free_port


@pytest.fixture(autouse=True)
def _no_ports_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HAPROXY_PORTS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ports() -> Iterator[Ports]:
    with Ports() as held:
        yield held


def asked(host: str | None = None, haproxy: bool | None = None) -> Requested:
    return Requested(host, free_port(), free_port(), haproxy, free_port())


def test_two_that_ask_for_the_same_get_ports_of_their_own(ports: Ports) -> None:
    dashboard, metrics = free_port(), free_port()
    with Ports() as others:
        first = Endpoints.find(Requested(None, free_port(), dashboard, None, metrics), ports)
        second = Endpoints.find(Requested(None, free_port(), dashboard, None, metrics), others)
    assert first.dashboard_port == dashboard
    assert not {each[2] for each in first.all_ports} & {each[2] for each in second.all_ports}
    assert set(second.haproxy_ports) == set(HAPROXY_PORTS)
    assert first.metrics_port == metrics
    said = f"Ray's dashboard: port {second.dashboard_port}, since {dashboard} is taken."
    assert said in second.notes
    assert f"metrics for Prometheus: port {second.metrics_port}, since {metrics} is taken." in second.notes
    assert not [each for each in first.notes if "dashboard" in each]


def test_the_port_of_the_application_is_the_one_that_was_asked_for_or_none(ports: Ports) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EndpointsRefused) as caught:
            Endpoints.find(Requested(None, port, free_port(), None, free_port()), ports)
    said = str(caught.value)
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in said
    assert f"(process {os.getpid()}) listens there" in said
    advice = int(said.rpartition("PORT=")[2].rstrip("."))
    assert Endpoints.find(Requested(None, advice, free_port(), None, free_port()), ports).port == advice


def test_a_port_of_haproxy_that_an_operator_has_set_is_that_one_or_none(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("RAY_SERVE_HAPROXY_STATS_PORT", str(port))
    assert Endpoints.find(asked(), ports).haproxy_ports["RAY_SERVE_HAPROXY_STATS_PORT"] == port
    with Ports() as others, pytest.raises(EndpointsRefused, match=f"Cannot listen on 127.0.0.1:{port}"):
        Endpoints.find(asked(), others)


@pytest.mark.parametrize(
    ("host", "haproxy"), [(None, True), ("::", True), ("::1", False), ("127.0.0.2", False)]
)
def test_haproxy_serves_where_it_reaches_its_replicas(host: str | None, haproxy: bool, ports: Ports) -> None:
    endpoints = Endpoints.find(asked(host), ports)
    assert endpoints.haproxy is haproxy
    assert bool(endpoints.haproxy_ports) is haproxy
    assert any("HAProxy can listen on" in each for each in endpoints.notes) is not haproxy


@pytest.mark.parametrize(("host", "written"), [("0.0.0.0", "0.0.0.0"), ("::", "0::0")])
def test_behind_haproxy_nobody_else_reaches_serves_own_servers(host: str, written: str, ports: Ports) -> None:
    endpoints = Endpoints.find(asked(host), ports)
    assert (endpoints.serve_host, endpoints.haproxy_host) == ("127.0.0.1", written)
    assert Endpoints.find(asked(host, haproxy=False), ports).serve_host == host


def test_a_system_without_haproxy_is_told_so(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    endpoints = Endpoints.find(asked(), ports)
    assert not endpoints.haproxy
    assert "There is no HAProxy for this system: Serve's own proxy" in endpoints.notes[0]


def test_who_asks_for_no_haproxy_is_told_nothing(ports: Ports) -> None:
    assert Endpoints.find(asked(haproxy=False), ports).notes == []


def test_every_port_has_a_name_for_an_operator() -> None:
    assert set(module._WHAT) == set(HAPROXY_PORTS)
