"""Which addresses images may come from.

Two parsers may read one URL differently, so it is parsed once, here, and the connection uses the parsed URL.
Names are resolved once, every address of the answer is checked, and the connection goes to a checked address
(see ``sockets``): a name that answers differently the second time (DNS rebinding) gains nothing.

The special ranges are those of the IANA special-purpose address registries as Python's ``ipaddress`` knows
them, plus the ranges that carry an IPv4 address inside an IPv6 one and the clouds' metadata addresses.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL = 65_536
"""Characters of a URL. Signed URLs have about two thousand; whoever sends more wants to keep us busy."""

WEB_PORTS = frozenset(DEFAULT_PORTS.values())

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NEVER_PUBLIC = (
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments; Oracle Cloud's metadata
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's host, a public address reachable only inside
    ipaddress.ip_network("2002::/16"),  # 6to4, given up by RFC 7526; newer Pythons know
    ipaddress.ip_network("3fff::/20"),  # documentation
)
_METADATA = (
    ipaddress.ip_address("fd00:ec2::254"),  # AWS
    ipaddress.ip_address("fd20:ce::254"),  # Google Cloud
    ipaddress.ip_address("100.100.100.200"),  # Alibaba Cloud
    ipaddress.ip_address("192.0.0.192"),  # Oracle Cloud
    ipaddress.ip_address("168.63.129.16"),  # Azure
)


class ForbiddenUrl(ValueError):
    """A URL that is refused before anything is asked; the text says what in it is not allowed."""


class ForbiddenAddress(Exception):
    """A host that images may not come from; the text completes "images may not come from it: ..."."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: URLs of one origin may share a credential.

    Hosts are compared as they are spelled, in lower case.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: httpx.URL) -> Origin:
        """The origin of a URL that ``parse_url`` has accepted."""
        return cls(url.scheme, _host_of(url), url.port or DEFAULT_PORTS[url.scheme])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def parse_url(text: str) -> httpx.URL:
    """The one parser of http and https URLs. Raises ``ForbiddenUrl``.

    Strict where parsers are known to disagree with each other: user:password@, backslashes, control
    characters and unusual host spellings are refused rather than interpreted.
    """
    _check_characters(text)
    authority = text.partition("://")[2].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    if not authority.rpartition("]")[2].partition(":")[2].isascii():
        raise ForbiddenUrl("its URL has an impossible port")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise ForbiddenUrl("its URL cannot be read") from None
    if url.scheme not in DEFAULT_PORTS:
        raise ForbiddenUrl("its URL is not http, https or data")
    if url.userinfo or "@" in authority:
        raise ForbiddenUrl("its URL has a user name or password in it")
    if url.port is not None and not 0 < url.port < 65536:
        raise ForbiddenUrl("its URL has an impossible port")
    if not _is_host(_host_of(url)):
        raise ForbiddenUrl("its URL has no usable host")
    return url


def join_url(base: httpx.URL, location: str) -> httpx.URL:
    """The URL a redirect from ``base`` leads to, as strictly parsed. Raises ``ForbiddenUrl``."""
    # Checked before joining, because urljoin drops odd characters in silence.
    _check_characters(location)
    try:
        return parse_url(urljoin(str(base), location))
    except ForbiddenUrl:
        raise
    except ValueError:
        raise ForbiddenUrl("its URL cannot be read") from None


def _check_characters(text: str) -> None:
    if len(text) > MAX_URL:
        raise ForbiddenUrl(f"its URL has more than {MAX_URL} characters")
    if any(character < " " or character == "\x7f" for character in text):
        raise ForbiddenUrl("its URL has control characters")
    if "\\" in text:
        raise ForbiddenUrl("its URL has a backslash")


def _host_of(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii").lower()


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host).scope_id is None
        except ValueError:
            return False
    return len(host) <= 253 and _HOST_NAME.fullmatch(host) is not None


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of IMAGE_HOSTS: ``host`` is a host, ``public`` or ``*``; ``port`` None means 80 and 443."""

    host: str
    port: int | None = None

    def names(self, host: str, port: int) -> bool:
        """Whether this entry names that host and port; ``public`` and ``*`` name no host."""
        if self.host in {"public", "*"}:
            return False
        return self.host == host and (port in WEB_PORTS if self.port is None else port == self.port)


def parse_allowed(entry: str) -> Allowed:
    """One entry of IMAGE_HOSTS: ``host``, ``host:port``, ``[ipv6]:port``, ``public`` or ``*``.

    Raises ValueError with a sentence for anything else.
    """
    if entry in {"public", "*"}:
        return Allowed(entry)
    bare = f"[{entry}]" if entry.count(":") > 1 and not entry.startswith("[") else entry
    try:
        if re.search(r"[/?#@*\s]", bare):
            raise ForbiddenUrl
        url = parse_url(f"http://{bare}")
    except ForbiddenUrl:
        raise ValueError(f"{entry!r} is not a host, host:port, public or *") from None
    # The parser drops a port that is http's default.
    port = 80 if bare.endswith(":80") else url.port
    return Allowed(_host_of(url), port)


class AllowList:
    """What IMAGE_HOSTS and Label Studio's own address allow."""

    def __init__(self, entries: Iterable[str], label_studio: Origin | None) -> None:
        self._entries = [parse_allowed(entry) for entry in entries]
        if label_studio is not None:
            self._entries.append(Allowed(label_studio.host, label_studio.port))
        self._public = any(entry.host == "public" for entry in self._entries)
        self._anything = any(entry.host == "*" for entry in self._entries)

    def names(self, host: str, port: int) -> bool:
        """Whether an operator named this very host and port."""
        return any(entry.names(host, port) for entry in self._entries)

    def check_host(self, host: str, port: int) -> None:
        """Refuse, before its name is resolved, a host that no entry can allow. Raises ForbiddenAddress."""
        if self._anything or self.names(host, port):
            return
        if not self._public:
            raise ForbiddenAddress(f"add {_spelled(host, port)} to IMAGE_HOSTS if they may")
        if port not in WEB_PORTS:
            raise ForbiddenAddress(
                f"only ports 80 and 443 are open to public hosts; add {_spelled(host, port)} to IMAGE_HOSTS "
                "if they may"
            )

    def check_addresses(self, host: str, port: int, addresses: Iterable[Address]) -> None:
        """Refuse the host unless *every* one of its addresses is allowed. Raises ForbiddenAddress.

        An operator may name a private or loopback host. A link-local address or a metadata service has to be
        named by the address itself: whoever controls DNS could lead any name there.
        """
        self.check_host(host, port)
        if self._anything:
            return
        if not self.names(host, port):
            if not all(is_public(address) for address in addresses):
                raise ForbiddenAddress(
                    f"its address is not public; add {_spelled(host, port)} to IMAGE_HOSTS if they may"
                )
        elif any(is_treacherous(address) and host != str(address) for address in addresses):
            raise ForbiddenAddress("its name leads to a link-local, multicast or cloud metadata address")


def _spelled(host: str, port: int) -> str:
    host = f"[{host}]" if ":" in host else host
    return host if port in WEB_PORTS else f"{host}:{port}"


def is_public(address: Address) -> bool:
    """Whether an address, and any address it carries inside, is globally routable unicast."""
    return all(_is_public(one) for one in _with_carried(address))


def is_treacherous(address: Address) -> bool:
    """Whether an address is one that no host name has a good reason to lead to."""
    return any(
        one.is_link_local or one.is_multicast or one.is_unspecified or one in _METADATA
        for one in _with_carried(address)
    )


def _is_public(address: Address) -> bool:
    if any(address.version == network.version and address in network for network in _NEVER_PUBLIC):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _with_carried(address: Address) -> Iterator[Address]:
    """The address, or the IPv4 address that an IPv6 one carries where only the latter is reached."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    elif address.sixtofour is not None:
        yield address
        yield address.sixtofour
    elif address.teredo is not None:
        yield address
        yield from address.teredo
    else:
        yield address
