"""Certificates for tests, and servers that show them."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """One that nobody knows."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        built = _certificate(self._name, self._name, self._key, 0, 2).add_extension(
            constraints, critical=True
        )
        self._certificate = built.sign(self._key, hashes.SHA256())

    def write(self, path: Path) -> Path:
        """Its certificate, as SSL_CERT_FILE takes it."""
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(
        self,
        folder: Path,
        *,
        name: str = "localhost",
        address: str | None = "127.0.0.1",
        starts: int = -1,
        ends: int = 1,
        self_signed: bool = False,
    ) -> ssl.SSLContext:
        """A server's side of TLS with a certificate for ``name`` and ``address``; days from today."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if address is not None:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
        issuer = subject if self_signed else self._name
        built = _certificate(subject, issuer, key, starts, ends).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        signed = built.sign(key if self_signed else self._key, hashes.SHA256())
        path = folder / "server.pem"
        path.write_bytes(
            signed.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, starts: int, ends: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(starts, ends - 1) * DAY)
        .not_valid_after(now + ends * DAY)
    )


@asynccontextmanager
async def tls_server(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server that answers every request with ``image``; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nimage")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def alerting(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server that begins TLS with whoever connects, and says why when that fails, as asyncio's does not."""
    listening = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            talking = context.wrap_socket(peer, server_side=True, do_handshake_on_connect=False)
            with talking, suppress(OSError):
                with suppress(ssl.SSLError):
                    talking.do_handshake()
                talking.shutdown(socket.SHUT_WR)
                while socket.socket.recv(talking, 2**16):  # else closing would take the alert back
                    pass

    thread = threading.Thread(target=greet)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        await asyncio.to_thread(thread.join)
