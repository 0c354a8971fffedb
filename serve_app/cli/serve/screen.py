"""What the terminal of `serve` shows of Ray and its processes: what is said to people there, and no more.

Ray prints whatever its processes print, and events of its own. All of it is in the logs, whose folder is
named in the lines with which a start ends.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from deployments.replica_log import ALOUD, JSON_LINE, NO_MASK

# Of what others print: words of the lines that tell an operator something, by who prints them.
_WORTH_READING = {
    "raylet": ("memory", "disk", "No space left"),
    "ServeController": ("taken more than",),  # what a replica waits for that this machine does not have
}
# What a replica logs while it loads, where Serve prints its log: without HAProxy.
_LOADS = ("ServeReplica:", (":Encoder", ":Decoder", ":Finder"))
_LOGGED = re.compile(r"INFO \S+ \S+ \S+ \S+ (?:\S+ )?-- (?!CALL |GET |POST )(.+)")


class Screen:
    """Shows what is worth reading, on stderr. ``everything``: shows all that comes, as it comes."""

    def __init__(self, *, everything: bool = False) -> None:
        self.everything = everything
        self._stopping = False

    def install(self) -> None:
        """Take the place of what prints for Ray in this process; before ``ray.init``."""
        if self.everything:
            return
        worker = sys.modules["ray._private.worker"]
        worker.print_to_stdstream = self._print  # type: ignore[attr-defined]  # pinned; a test reads it
        logging.getLogger("ray.serve").addFilter(_is_warning)

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Without what Ray's command line prints meanwhile about what it does."""
        with contextlib.nullcontext() if self.everything else contextlib.redirect_stdout(io.StringIO()):
            yield

    def stop(self) -> None:
        """Show nothing from now on: while Ray ends, its processes complain of each other."""
        self._stopping = True

    def _print(self, data: Mapping[str, Any], ignore_prefix: bool = False) -> None:
        """As Ray's ``print_to_stdstream``, which gets lines of one process."""
        if self._stopping:
            return
        for line in worth_reading(data):
            typer.secho(line, fg="yellow" if line.startswith(NO_MASK) else None, err=True)


def worth_reading(data: Mapping[str, Any]) -> Iterator[str]:
    """The lines to show of ``data``: ``lines`` of one process, ``pid`` and ``actor_name`` say of which."""
    who = str(data.get("actor_name") or data.get("pid") or "")
    words = next((known for name, known in _WORTH_READING.items() if who.startswith(name)), ())
    loads = who.startswith(_LOADS[0]) and who.endswith(_LOADS[1])
    for line in map(str, data.get("lines") or ()):
        _, aloud, said = line.partition(ALOUD)
        if line.startswith(JSON_LINE):
            yield _plain(line)
        elif aloud:
            yield _plain(said)
        elif any(word in line for word in words):
            yield _plain(line)
        elif loads and (logged := _LOGGED.match(line)):
            yield _plain(logged[1])


def _plain(line: str) -> str:
    """Without what a terminal would obey: a task's author may have written a part of it."""
    return "".join(each if each.isprintable() else "?" for each in line.rstrip())


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
