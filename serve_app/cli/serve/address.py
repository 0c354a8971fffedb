"""Where the application listens: what HOST may be, and how the address is written."""

from __future__ import annotations

import ipaddress
import socket

ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
# HAProxy listens on these only: its health check and others on this machine ask it at 127.0.0.1.
HAPROXY_CAN = (*ANYWHERE, "127.0.0.1")


class NoAddress(Exception):
    """HOST is no address to listen on; the text is a sentence for the operator."""


def listening_address(host: str) -> str:
    """The IP address of ``host``, which is an address or a name; an IPv4 one where a name has several.

    Brackets around an IPv6 address are taken off. Raises NoAddress.
    """
    bare = host.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(bare, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NoAddress(
            f"HOST={host} is no address to listen on. Give an IP address of this machine or a name of it, "
            "without http:// and without a port: 127.0.0.1 for this machine alone, 0.0.0.0 for every network."
        ) from None
    addresses = [str(each[4][0]) for each in found]
    return next((each for each in addresses if ":" not in each), addresses[0])


def family(address: str) -> socket.AddressFamily:
    """The kind of socket that listens on ``address``."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def as_haproxy_reads_it(address: str) -> str:
    """``address`` as HAProxy's configuration writes it in front of a colon and a port."""
    return "0::0" if address == "::" else address


def origin(address: str, port: int) -> str:
    """The URL at which a browser on this machine reaches ``address``, without a path."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - as above
    return f"http://{joined(reached, port)}"


def joined(address: str, port: int | str) -> str:
    """``address:port``, with brackets around an IPv6 address."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def overlap(one: str, other: str) -> bool:
    """Whether two listeners, on ``one`` and on ``other``, would get the same connections."""
    return one == other or one in ANYWHERE or other in ANYWHERE
