"""For which request work is done: its id, and its span where requests are traced.

Serve keeps both in the context of a request. Here they reach work that has a context of its own, and with it
the deployments that this calls, their logs and their spans.
"""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry import context as spans
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from ray.serve import context as serve_context

from concurrency import detached


def request_id() -> str:
    """The id of the request that is worked on; "" without one."""
    request = serve_context._serve_request_context.get()
    return request.request_id if request else ""


def follow_requests() -> None:
    """From now on this process knows for which request work is done, wherever it does it."""
    detached.keep(_request)
    if is_traced():
        detached.keep(_span)


def is_traced() -> bool:
    """Whether Serve was told to trace requests; it says so before a deployment is made."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)


def _request() -> Callable[[], object] | None:
    request = serve_context._serve_request_context.get()
    if request is None or not request.request_id:
        return None
    # Not its internal id: by that Serve knows what it has to cancel, and which calls are one request's.
    name, application = request.request_id, request.app_name
    return lambda: serve_context._set_request_context(request_id=name, app_name=application)


def _span() -> Callable[[], object] | None:
    current = spans.get_current()
    return (lambda: spans.attach(current)) if current else None
