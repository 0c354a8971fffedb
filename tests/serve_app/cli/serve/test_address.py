from __future__ import annotations

import socket

import pytest

from serve_app.cli.serve.address import (
    NoAddress,
    as_haproxy_reads_it,
    joined,
    listening_address,
    origin,
    overlap,
)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        (" 0.0.0.0 ", "0.0.0.0"),
        ("::", "::"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_an_address_or_a_name_is_listened_on(host: str, address: str) -> None:
    assert listening_address(host) == address


def test_of_a_name_the_ipv4_address_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET6, 1, 6, "", ("::1", 0, 0, 0)), (socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    assert listening_address("here") == "127.0.0.1"
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found[:1])
    assert listening_address("here") == "::1"


@pytest.mark.parametrize("host", ["http://127.0.0.1", "127.0.0.1:9090", "no such host", "a" * 70 + ".b"])
def test_what_is_none_is_refused_in_a_sentence(host: str) -> None:
    with pytest.raises(NoAddress, match="is no address to listen on"):
        listening_address(host)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9"),
        ("0.0.0.0", "http://127.0.0.1:9"),
        ("::", "http://[::1]:9"),
        ("::1", "http://[::1]:9"),
        ("192.0.2.7", "http://192.0.2.7:9"),
    ],
)
def test_a_browser_is_told_where_it_reaches_it(address: str, url: str) -> None:
    assert origin(address, 9) == url


def test_an_address_and_a_port_are_told_apart() -> None:
    assert (joined("::1", 9), joined("127.0.0.1", 9)) == ("[::1]:9", "127.0.0.1:9")


def test_every_ipv6_address_is_not_what_serve_takes_for_every_ipv4_address() -> None:
    host = as_haproxy_reads_it("::")
    assert host != "::"
    assert listening_address(host) == "::"
    assert as_haproxy_reads_it("127.0.0.1") == "127.0.0.1"


def test_who_listens_everywhere_listens_here_too() -> None:
    assert overlap("0.0.0.0", "127.0.0.1")
    assert overlap("127.0.0.1", "::")
    assert not overlap("127.0.0.1", "127.0.0.2")
