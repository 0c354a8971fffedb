"""Small stand-ins for Ray Serve's handles, whose methods call plain coroutine functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import Any


class Response:
    """What ``handle.method.remote(...)`` returns: awaitable once, cancellable."""

    def __init__(self, answer: Awaitable[Any]) -> None:
        self._answer = answer
        self.cancelled = False

    def __await__(self) -> Generator[Any, None, Any]:
        return self._answer.__await__()

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Method:
    """One method of a handle."""

    function: Callable[..., Awaitable[Any]]
    handle: Handle

    def remote(self, *args: Any) -> Response:
        response = Response(self.function(*args))
        self.handle.responses.append(response)
        return response


@dataclass
class Handle:
    """A handle whose methods are given as coroutine functions. Remembers options and responses."""

    methods: dict[str, Callable[..., Awaitable[Any]]]
    chosen: list[dict[str, Any]] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)

    def options(self, **options: Any) -> Handle:
        self.chosen.append(options)
        return self

    def __getattr__(self, name: str) -> Method:
        if name.startswith("_"):
            raise AttributeError(name)
        return Method(self.methods[name], self)


async def forever() -> None:
    """Never answers."""
    await asyncio.Event().wait()
