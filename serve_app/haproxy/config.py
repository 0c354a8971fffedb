"""Completes the configuration that Ray writes for HAProxy.

Lines are added next to Ray's, or changed. When such a line of Ray's is missing, that is an error:
otherwise a new release of Ray could start without what is added here.
"""

from __future__ import annotations

import ipaddress
import json
import re
import resource
from collections.abc import Iterable, Mapping

from values.errors import NoSuchRoute, RequestTooSlow
from values.request_limits import BODY_S, CLIENT, CONTROL, HEAD_S, NO_ROUTE, SILENCE_S, TOO_SLOW

LISTENS_AT = "HAPROXY_LISTENS_AT"
"""The variable with the address at which HAProxy listens, where that is not the one of Serve's config."""

FIGURES_HOST = "HAPROXY_FIGURES_HOST"
"""The variable with the address at which HAProxy shows statistics and metrics; they ask for no password."""

DESCRIPTORS = 50_000
"""File descriptors that HAProxy may use at most, since it sets memory aside for each."""
_OF_ITS_OWN = 500  # listeners, checks, threads
_PER_CONNECTION = 2.5  # the client's, the replica's, and a pipe for every fourth

# A machine that is gone without a word closes no connection. It has to acknowledge what it was sent, and is
# asked every second after three of silence: else its requests go to another replica.
_GONE = (
    "default-server tcp-ut 5s",
    "option srvtcpka",
    "srvtcpka-idle 3s",
    "srvtcpka-intvl 1s",
    "srvtcpka-cnt 3",
)

_MAXCONN = "RAY_SERVE_HAPROXY_MAXCONN"
_TIMEOUT_CLIENT = "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S"

_FRONTEND = "frontend http_frontend"
_DONE = "# Completed by serve_app/haproxy/config.py"


class ConfigRefused(Exception):
    """What cannot be completed; the text is a sentence."""


def complete(text: str, environment: Mapping[str, str]) -> str:
    """The configuration with what is missing added; a complete one as it is.

    Raises ConfigRefused.
    """
    if text.startswith(_DONE):
        return text
    config = _Sections(text)
    _figures(config, _figures_host(environment))
    connections = _connections(config, environment)
    if not environment.get(_TIMEOUT_CLIENT):
        config.replace("defaults", r"timeout client \S+", f"timeout client {SILENCE_S}s")
    # After Ray's own timeout, if there is one: HAProxy takes the last.
    added = (f"timeout http-request {HEAD_S}s", *_GONE)
    config.add("defaults", r"retry-on .*", behind=[f"    {line}" for line in added])
    config.add(_FRONTEND, r"bind \S+:\d+", behind=_door(connections * 3 // 4))
    if host := environment.get(LISTENS_AT):
        config.replace(_FRONTEND, r"bind \S+:(\d+)", rf"bind {host}:\1")
    return f"{_DONE}\n{config.text()}"


def _connections(config: _Sections, environment: Mapping[str, str]) -> int:
    """How many HAProxy takes at once: what an operator says, or what there are descriptors for."""
    if environment.get(_MAXCONN):
        return int(environment[_MAXCONN])
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    descriptors = DESCRIPTORS if allowed == resource.RLIM_INFINITY else min(allowed, DESCRIPTORS)
    connections = max(100, int((descriptors - _OF_ITS_OWN) / _PER_CONNECTION))
    config.replace("global", r"maxconn \d+", f"maxconn {connections}")
    return connections


def _door(of_one_address: int) -> Iterable[str]:
    """The rules for a request that come before Ray's own."""
    lines = (
        # One address may not take all connections, but many: a whole Label Studio is one address.
        "stick-table type ipv6 size 100k expire 10s store conn_cur",
        "tcp-request connection track-sc0 src",
        f"tcp-request connection reject if {{ sc0_conn_cur gt {of_one_address} }}",
        f"http-error status 408 {_json(RequestTooSlow.code, TOO_SLOW)}",
        # Ray shows the names and paths of all applications there.
        f"http-request return status 404 {_json(NoSuchRoute.code, NO_ROUTE)} if {{ path -i /-/routes }}",
        # HAProxy waits for the whole body, or for as much as its buffer holds: what it still has it can send
        # to another replica when one dies. And a slow client occupies no replica.
        f"http-request wait-for-body time {BODY_S}s",
        f"http-request del-header {CONTROL} -m reg",
        f"http-request set-header {CLIENT} %[src]",
    )
    return [f"    {line}" for line in lines]


def _json(code: str, detail: str) -> str:
    """What an answer of HAProxy's own says, as a configuration has it."""
    text = json.dumps({"error": code, "detail": detail})
    escaped = re.sub(r'(["$\\])', r"\\\1", text)
    return f'content-type application/json string "{escaped}"'


def _figures(config: _Sections, host: str) -> None:
    config.replace("frontend prometheus", r"bind :(\d+)", rf"bind {host}:\1")
    config.replace("listen stats", r"bind \*:(\d+)", rf"bind {host}:\1")
    config.replace("global", r"(stats socket \S+) mode 666 (.*)", r"\1 mode 600 \2")


def _figures_host(environment: Mapping[str, str]) -> str:
    host = environment.get(FIGURES_HOST) or "127.0.0.1"
    if host == "*":
        return host
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        raise ConfigRefused(
            f"{FIGURES_HOST} is {host!r}; it takes an IP address of this machine, or * for all of them"
        ) from None


class _Sections:
    """The lines of a configuration, each with the section it is in: a header begins in the first column."""

    def __init__(self, text: str) -> None:
        self._lines: list[tuple[str, str]] = []
        section = ""
        for line in text.splitlines():
            if line[:1] not in ("", " ", "\t", "#"):
                section = line.strip()
            self._lines.append((section, line))

    def replace(self, section: str, pattern: str, by: str) -> None:
        """Write the one line of the section that is ``pattern`` anew. Raises ConfigRefused."""
        at = self._find(section, pattern)
        line = self._lines[at][1]
        indent = line[: len(line) - len(line.lstrip())]
        self._lines[at] = section, indent + re.sub(pattern, by, line.strip())

    def add(
        self, section: str, pattern: str, *, before: Iterable[str] = (), behind: Iterable[str] = ()
    ) -> None:
        """Add lines around the one line of the section that is ``pattern``. Raises ConfigRefused."""
        at = self._find(section, pattern)
        new = [(section, line) for line in before], [(section, line) for line in behind]
        self._lines[at : at + 1] = [*new[0], self._lines[at], *new[1]]

    def text(self) -> str:
        """All lines."""
        return "".join(f"{line}\n" for _, line in self._lines)

    def _find(self, section: str, pattern: str) -> int:
        wanted = re.compile(pattern)
        found = [
            number
            for number, (its, line) in enumerate(self._lines)
            if its == section and wanted.fullmatch(line.strip())
        ]
        if len(found) != 1:
            raise ConfigRefused(
                f"HAProxy's configuration as this release of Ray writes it has {len(found) or 'no'} lines "
                f"like `{pattern}` in its section `{section}`, where one is expected: "
                "serve_app/haproxy/config.py has to be made to fit it. Until then "
                "`serve --no-haproxy` starts without HAProxy"
            )
        return found[0]
