"""The request of each number of a run: route, verb, headers and body, the same ones each time."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.fuzz.bodies import body

USER, PASSWORD = "annotator", "größe"

_VERBS = (
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "A" * 50,
)
_PATHS = (
    "//predict",
    "/predict//",
    "/PREDICT",
    "/predict/x",
    "/%70redict",
    "/%2e%2e/predict",
    "/\x01\u202e",
    "/" + "x" * 5000,
    "/-/routes",
    "/-/healthz",
    "/docs",
    "/openapi.json",
    "/static/../../etc/passwd",
    "*",
    "",
)
_QUERIES = (
    b"",
    b"",
    b"",
    b"project=3",
    b"project=",
    b"project=" + b"9" * 400,
    b"project=%00%ff",
    b"a=1&a=2",
    b"%",
    b"=" * 500,
)
_VALUES = (
    b"",
    b"0",
    b"-1",
    b"0.0001",
    b"nan",
    b"inf",
    b"1e400",
    b"9" * 310,
    b"\xff\xfe",
    b"x" * 5000,
    "größe".encode("latin-1"),
    b"a\tb",
    b"gzip, chunked",
    b"application/json",
    b"text/html",
    b"true",
)
_NAMES = (
    b"x-request-id",
    b"x-request-timeout-seconds",
    b"x-session-id",
    b"x-multiplexed-model-id",
    b"content-type",
    b"content-encoding",
    b"content-length",
    b"transfer-encoding",
    b"accept",
    b"accept-encoding",
    b"authorization",
    b"cookie",
    b"host",
    b"origin",
    b"expect",
    b"range",
    b"upgrade",
    b"connection",
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-prefix",
    b"if-none-match",
    b"traceparent",
    b"serve-multiplexed-model-id",
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``chunks``: the pieces of its body; ``leaves``: the client hangs up before the end."""

    number: int
    verb: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    chunks: tuple[bytes, ...]
    leaves: bool = False

    def __str__(self) -> str:
        size = sum(map(len, self.chunks))
        return f"request {self.number}: {self.verb[:20]} {self.path[:60]!r}, {size} bytes"


def request(seed: int, number: int, routes: Sequence[str]) -> Request:
    """The request of this number; ``routes``: the paths that the application has."""
    chance = random.Random(f"{seed}/{number}")
    route, content = body(chance)
    way = chance.random()
    path = route if way < 0.8 else chance.choice(routes) if way < 0.93 else chance.choice(_PATHS)
    verb = "POST" if chance.random() < 0.88 else chance.choice(_VERBS)
    headers = [(b"host", b"backend"), (b"content-type", b"application/json")]
    if chance.random() < 0.5:
        headers.append((b"content-length", str(len(content)).encode()))
    headers += _odd(chance)
    if chance.random() < 0.8:
        known = base64.b64encode(f"{USER}:{PASSWORD}".encode())
        headers.append((b"authorization", b"Basic " + known))
    return Request(
        number,
        verb,
        path,
        chance.choice(_QUERIES),
        tuple(headers),
        _chunks(content, chance),
        chance.random() < 0.01,
    )


def _odd(chance: random.Random) -> list[tuple[bytes, bytes]]:
    count = chance.choice((0, 0, 0, 0, 1, 2, 5, 100))
    return [(chance.choice(_NAMES), _odd_value(chance)) for _ in range(count)]


def _odd_value(chance: random.Random) -> bytes:
    scheme = chance.choice((b"Basic ", b"Bearer ", b"basic", b""))
    secret = chance.choice((b"", b"Og==", b"====", b"\xff", base64.b64encode(b"a:b:c"), b"x" * 3000))
    return chance.choice((*_VALUES, scheme + secret))


def _chunks(content: bytes, chance: random.Random) -> tuple[bytes, ...]:
    if chance.random() < 0.8 or not content:
        return (content,)
    at = chance.randrange(len(content))
    return (content[:at], b"", content[at:])
