"""Whether the Redis answers in which Ray keeps what its head knows, asked before a head is started."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from serve_app.cli.serve.address import joined

ADDRESS = "RAY_REDIS_ADDRESS"
PASSWORD = "REDIS_PASSWORD"  # noqa: S105 - a name
"""The variables that Ray and the files of cluster/ read."""

TIMEOUT_S = 5.0

# Longer than any answer to what is asked.
_ANSWER = 4096


def problem(environment: Mapping[str, str]) -> str:
    """A sentence about the Redis that ``environment`` names; empty where it answers."""
    given = environment[ADDRESS]
    scheme, host, port = _place(given.split(",")[0].strip())
    if not host or not port or scheme not in ("redis", "rediss"):
        # Not what was given: there may be a password in it.
        return f"{ADDRESS} is no address of a Redis; write it as HOST:PORT, without a password."
    named = f"{ADDRESS} names {joined(host, port)}"
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as opened:
            # What is said behind TLS, Ray alone has the certificates for.
            answer = "+PONG" if scheme == "rediss" else _asked(opened, environment.get(PASSWORD, ""))
    except (OSError, UnicodeError) as error:  # the second for a name that no host can have
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return (
            f"{named}, where no Redis answers ({why}). Start it, or correct {ADDRESS}: until then no head "
            "starts. Workers that run go on with clicks."
        )
    return _judged(named, answer, given=bool(environment.get(PASSWORD)))


def _place(address: str) -> tuple[str, str, int]:
    """Scheme, host and port; nothing where there are none."""
    with contextlib.suppress(ValueError):
        at = urlsplit(address if "://" in address else f"redis://{address}")
        return at.scheme, at.hostname or "", at.port or 0
    return "", "", 0


def _judged(named: str, answer: str, *, given: bool) -> str:
    """A sentence about what a Redis answered; empty for what it should."""
    if answer.startswith("+PONG"):
        return ""
    if answer.startswith(("-NOAUTH", "-WRONGPASS", "-ERR invalid password")):
        if given:
            return f"{named}, and Redis there does not take the password in {PASSWORD}. Correct it."
        return f"{named}, and Redis there asks for a password. Set {PASSWORD}."
    if answer.startswith("-LOADING"):
        return f"{named}, and Redis there is still reading its files; try again in a moment."
    return f"{named}, and what answers there is no Redis. Correct {ADDRESS}."


def _asked(opened: socket.socket, password: str) -> str:
    """The last line of what is answered to a password, if there is one, and a ping."""
    with opened.makefile("rb") as answers:
        if password:
            opened.sendall(_command("AUTH", password))
            line = answers.readline(_ANSWER).decode(errors="replace")
            # One without a password says so, and is asked all the same.
            if not line.startswith(("+OK", "-ERR Client sent AUTH", "-ERR AUTH <password> called without")):
                return line
        opened.sendall(_command("PING"))
        return answers.readline(_ANSWER).decode(errors="replace")


def _command(*words: str) -> bytes:
    """As Redis reads a command."""
    encoded = [word.encode() for word in words]
    parts = [f"*{len(encoded)}".encode()]
    for word in encoded:
        parts += [f"${len(word)}".encode(), word]
    return b"\r\n".join([*parts, b""])
