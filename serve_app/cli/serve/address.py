"""Where the application listens: what HOST may be, and how the address is written."""

from __future__ import annotations

import ipaddress
import socket

ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
# What runs beside it on this machine, its own health check for one, asks it at 127.0.0.1.
HAPROXY_CAN = (*ANYWHERE, "127.0.0.1")


class NoAddress(Exception):
    """HOST is nothing to listen on; the text is a sentence for the operator."""


def listening_address(host: str) -> str:
    """The IP address that ``host`` is, brackets or not, or that it is a name of: an IPv4 one if there is one.

    Raises NoAddress.
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
    """``address`` as HAProxy's configuration has it, where a port follows behind a colon."""
    return "0::0" if address == "::" else address


def origin(address: str, port: int) -> str:
    """The URL at which a browser on this machine reaches ``address``, without a path."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - as above
    return f"http://{joined(reached, port)}"


def joined(address: str, port: int) -> str:
    """``address`` and ``port`` as one writes them together."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def overlap(one: str, other: str) -> bool:
    """Whether who listens on the address ``one`` takes connections of who listens on ``other``."""
    return one == other or one in ANYWHERE or other in ANYWHERE
