"""Where an answer redirects to. Whoever asked decides whether to follow: it may be another host."""

from __future__ import annotations

import httpx

from net.addresses import Origin, join_url
from net.transport import Answer

_STATUSES = frozenset({301, 302, 303, 307, 308})


def target_of(answer: Answer, url: httpx.URL) -> httpx.URL | None:
    """Where the answer of ``url`` redirects to, None where it does not. Raises ``ForbiddenUrl``."""
    if answer.status not in _STATUSES or "location" not in answer.headers:
        return None
    return join_url(url, answer.headers["location"])


def without_query(url: httpx.URL) -> str:
    """An address as a sentence may name it: what a query holds may be a secret."""
    return f"{Origin.of(url)}{url.path}"
