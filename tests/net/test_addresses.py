from __future__ import annotations

import ipaddress

import pytest

from net.addresses import (
    Allowed,
    AllowList,
    ForbiddenAddress,
    ForbiddenUrl,
    Origin,
    is_public,
    is_treacherous,
    join_url,
    parse_allowed,
    parse_url,
)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://example.org/a.png", "http://example.org"),
        ("HTTPS://Example.ORG:443/a.png", "https://example.org"),
        ("http://example.org:8080/a b/é.png", "http://example.org:8080"),
        ("http://[2001:db8::1]:81/x", "http://[2001:db8::1]:81"),
        ("http://bücher.example/x", "http://xn--bcher-kva.example"),
        ("http://a_b.example/x", "http://a_b.example"),
    ],
)
def test_parse_url_takes_ordinary_spellings(text: str, origin: str) -> None:
    assert str(Origin.of(parse_url(text))) == origin


@pytest.mark.parametrize(
    "text",
    [
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://@example.org/",
        "http://example.org\\@evil.example/",
        "http://example.org/\\..",
        "http://example.org/\r\nHost: evil",
        "http://example.org/\x00",
        "http://exa\tmple.org/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:-1/",
        "http:///etc/passwd",
        "http:/example.org",
        "http://",
        "https:example.org",
        "//example.org/x",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "gopher://example.org/x",
        "javascript:alert(1)",
        "http://127%2e0.0.1/",
        "http://exa mple.org/",
        "http://example.org;evil.example/",
        "http://[fe80::1%25eth0]/",
        "http://[::1",
        "http://①②⑦.⓪.⓪.①/",
        "http://*.example.org/",
        "http://" + "a" * 300 + "/",
        "http://example.org/" + "a" * 70_000,
        "http://example.org/\ud800",
        "",
    ],
)
def test_parse_url_refuses(text: str) -> None:
    with pytest.raises(ForbiddenUrl):
        parse_url(text)


def test_join_url_follows_relative_redirects_and_refuses_odd_ones() -> None:
    base = parse_url("http://example.org/a/b.png?x=1")
    assert str(join_url(base, "c.png?y=2")) == "http://example.org/a/c.png?y=2"
    assert str(join_url(base, "//other.example/c")) == "http://other.example/c"
    for location in (
        "http://ev\til.example/",
        "\\\\evil.example",
        "file:///etc/passwd",
        "http://[",
        "http://u@h/",
    ):
        with pytest.raises(ForbiddenUrl):
            join_url(base, location)


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        ("public", Allowed("public")),
        ("*", Allowed("*")),
        ("minio", Allowed("minio")),
        ("Minio:9000", Allowed("minio", 9000)),
        ("minio:80", Allowed("minio", 80)),
        ("10.0.0.5", Allowed("10.0.0.5")),
        ("::1", Allowed("::1")),
        ("[::1]:80", Allowed("::1", 80)),
    ],
)
def test_parse_allowed(entry: str, allowed: Allowed) -> None:
    assert parse_allowed(entry) == allowed


@pytest.mark.parametrize(
    "entry", ["", "http://h", "h/p", "a b", "u@h", "*.h", "h:99999", "h:x", "h?x", "[::1"]
)
def test_parse_allowed_refuses(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        parse_allowed(entry)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2001::7f00:1",
        "2001:db8::1",
        "2002:101:101::1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:ec2::254", "0.0.0.0", "ff02::1"],
)
def test_treacherous_addresses(address: str) -> None:
    assert is_treacherous(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "1.1.1.1", "fd00::1"])
def test_private_is_not_treacherous(address: str) -> None:
    assert not is_treacherous(ipaddress.ip_address(address))


def _allows(entries: str, host: str, port: int, *addresses: str) -> bool:
    allowed = AllowList(entries.split(","), Origin("http", "ls", 8080))
    try:
        allowed.check_addresses(host, port, [ipaddress.ip_address(address) for address in addresses])
    except ForbiddenAddress:
        return False
    return True


def test_public_means_global_addresses_on_web_ports() -> None:
    assert _allows("public", "example.org", 443, "1.1.1.1")
    assert _allows("public", "example.org", 80, "1.1.1.1", "2606:4700::1111")
    assert not _allows("public", "example.org", 8080, "1.1.1.1")
    assert not _allows("public", "example.org", 443, "10.0.0.1")
    assert not _allows("public", "example.org", 443, "1.1.1.1", "127.0.0.1")


def test_a_list_without_public_is_strict() -> None:
    assert not _allows("minio:9000", "example.org", 443, "1.1.1.1")
    assert _allows("minio:9000", "minio", 9000, "10.0.0.1")
    assert not _allows("minio:9000", "minio", 80, "10.0.0.1")


def test_a_host_without_port_opens_the_web_ports_only() -> None:
    assert _allows("minio", "minio", 443, "10.0.0.1")
    assert not _allows("minio", "minio", 6379, "10.0.0.1")


def test_label_studio_may_be_private_on_its_own_port() -> None:
    assert _allows("public", "ls", 8080, "10.0.0.1")
    assert _allows("public", "ls", 8080, "127.0.0.1")
    assert not _allows("public", "ls", 22, "10.0.0.1")


def test_a_name_never_leads_to_metadata_but_its_address_may_be_named() -> None:
    assert not _allows("store", "store", 80, "169.254.169.254")
    assert not _allows("public", "ls", 8080, "fd00:ec2::254")
    assert _allows("169.254.1.1", "169.254.1.1", 80, "169.254.1.1")


def test_star_is_anything() -> None:
    assert _allows("*", "example.org", 22, "169.254.169.254")
