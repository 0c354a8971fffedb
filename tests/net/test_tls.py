from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from imaging.options import ImageOptions
from net.addresses import AllowList, parse_url
from net.transport import Net
from tests.imaging.servers import Server
from tests.net.tls import Authority, alerting, tls_server
from values.errors import ImageUnreachable

AUTHORITY = Authority()
REMEDY = "name a file with the certificate of that authority in SSL_CERT_FILE"


async def fetch(port: int, scheme: str = "https") -> bytes:
    options = ImageOptions.model_validate({"image_hosts": f"127.0.0.1:{port}"})
    net = Net(options, AllowList(options.image_hosts, None))
    try:
        return bytes((await net.send("GET", parse_url(f"{scheme}://127.0.0.1:{port}/a.png?CANARY"), {})).body)
    finally:
        await net.aclose()


async def why_not(port: int) -> str:
    with pytest.raises(ImageUnreachable) as caught:
        await fetch(port)
    assert "CANARY" not in caught.value.detail
    return caught.value.detail


@pytest.mark.parametrize(
    ("certificate", "sentence"),
    [
        ({}, f"is signed by an authority that is not known here; {REMEDY}"),
        ({"self_signed": True}, f"is self-signed; {REMEDY}"),
    ],
)
async def test_whom_to_trust_is_told(tmp_path: Path, certificate: Any, sentence: str) -> None:
    async with tls_server(AUTHORITY.issue(tmp_path, **certificate)) as port:
        assert f"the certificate of https://127.0.0.1:{port} {sentence}" in await why_not(port)


@pytest.mark.parametrize(
    ("certificate", "sentence"),
    [
        ({"ends": -1}, "has expired"),
        ({"starts": 1, "ends": 2}, "is not valid yet; check the clocks"),
        ({"name": "other.test", "address": None}, "is made for another name"),
        ({"address": "127.0.0.2"}, "is made for another name"),
    ],
)
async def test_what_is_wrong_with_a_certificate_of_a_known_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Any, sentence: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY.write(tmp_path / "authority.pem")))
    async with tls_server(AUTHORITY.issue(tmp_path, **certificate)) as port:
        assert sentence in await why_not(port)


async def test_the_remedy_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY.write(tmp_path / "authority.pem")))
    async with tls_server(AUTHORITY.issue(tmp_path)) as port:
        assert await fetch(port) == b"image"


async def test_a_port_without_tls(server: Server) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        assert "does not speak TLS at that port; write http://" in await why_not(port)


async def test_a_host_that_hangs_up_on_tls(server: Server) -> None:
    asked = []

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(10))
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        assert "broke off the TLS handshake" in await why_not(port)
    assert len(asked) == 1


async def test_a_host_that_speaks_another_tls(tmp_path: Path) -> None:
    context = AUTHORITY.issue(tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # which the certificate does not fit
    async with alerting(context) as port:
        said = await why_not(port)
    assert f"the TLS handshake with https://127.0.0.1:{port} failed (sslv3 alert handshake failure)" in said


async def test_a_host_that_asks_for_a_certificate_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = AUTHORITY.write(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    context = AUTHORITY.issue(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(known)
    async with alerting(context) as port:
        assert "it may ask for a certificate of ours" in await why_not(port)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_authorities_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(ValueError, match="SSL_CERT_FILE or SSL_CERT_DIR names what cannot be read"):
        Net(ImageOptions(), AllowList([], None))
