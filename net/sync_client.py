"""HTTP for the commands of an operator: one request after the other, and whole answers of any status.

For addresses that an operator types, never for one that a task names: nothing is checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from net.answer import Answer
from net.trust import authorities

CONNECT_S = 10.0

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class NoAnswer(Exception):
    """No answer came. ``kind``: the name of what went wrong, for a person; ``late``: it took too long."""

    def __init__(self, kind: str, *, late: bool) -> None:
        super().__init__(kind)
        self.kind = kind
        self.late = late


class SyncClient:
    """A pool of at most ``at_once`` connections to the server at ``url``, a path prefix included.

    The proxies of the environment are used, as the operator's other tools do; redirects are not followed.
    Safe to use from several threads. ``timeout_s``: seconds that a server may be silent. ``login``: user and
    password for basic authentication. ``transport`` replaces the network, for tests.
    """

    def __init__(
        self,
        url: str,
        timeout_s: float,
        *,
        login: tuple[str, str] | None = None,
        at_once: int = 100,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        # A proxy configured for the internet must not catch calls to this very machine.
        environment = urlsplit(url).hostname not in _LOOPBACK
        self._client = httpx.Client(
            auth=httpx.BasicAuth(*login) if login else None,
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
            transport=transport,
            verify=authorities(environment=environment),
            trust_env=environment,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        query: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """The answer of ``path``, whatever its status; unlike that of ``Net`` it always has its body.

        ``files``: of a multipart form, by field the name and content of each. Raises NoAnswer.
        """
        try:
            answer = self._client.request(
                method,
                f"{self._url}{path}",
                headers=headers,
                params=query,
                content=content,
                files=files,
                timeout=httpx.USE_CLIENT_DEFAULT if timeout_s is None else timeout_s,
            )
        except httpx.HTTPError as error:
            late = isinstance(error, httpx.TimeoutException)
            raise NoAnswer(type(error).__name__, late=late) from error
        return Answer(answer.status_code, dict(answer.headers), answer.content)
