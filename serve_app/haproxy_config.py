"""The configuration that Ray writes for HAProxy, completed.

It is completed line by line. A line of Ray's that is looked for and not there is an error, so that no release
of Ray quietly starts without what stands here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping

FIGURES_HOST = "HAPROXY_FIGURES_HOST"
"""The variable with the address at which HAProxy shows statistics and metrics; they ask for no password."""

_DONE = "# Completed by serve_app/haproxy_config.py"


class ConfigRefused(Exception):
    """What cannot be completed; the text is a sentence."""


def complete(text: str, environment: Mapping[str, str]) -> str:
    """The configuration with all that is missing in it; one that is complete already as it is.

    Raises ConfigRefused.
    """
    if text.startswith(_DONE):
        return text
    config = _Sections(text)
    _figures(config, _figures_host(environment))
    config.add("defaults", r"retry-on .*", before=["    option http-buffer-request"])
    return f"{_DONE}\n{config.text()}"


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
                "serve_app/haproxy_config.py has to be made to fit it. Until then "
                "`serve --no-haproxy` starts without HAProxy"
            )
        return found[0]
