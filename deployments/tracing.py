"""Spans of a click over its hops, sent by OTLP to the collector that OpenTelemetry's own variables name.

Serve makes a span of each call that a deployment sends and of each that it answers; what computes has one of
its own. Off unless Serve's ``tracing_config``, or the variable that `serve` sets, names ``otlp``.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from deployments.request_context import is_traced


def otlp() -> list[SpanProcessor]:
    """For Serve, which calls it in every process that traces: what sends spans, many at a time.

    Where to, and with which headers, say OTEL_EXPORTER_OTLP_ENDPOINT and its like. Raises
    ModuleNotFoundError.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "deployments.tracing:otlp needs a package that is not installed; run "
            "`pip install -r requirements-tracing.txt` on every node, or trace nothing"
        ) from None
    return [BatchSpanProcessor(OTLPSpanExporter())]


def span(name: str) -> AbstractContextManager[object]:
    """A span around the block, below that of the request; nothing where nobody traces."""
    return trace.get_tracer("serve_app").start_as_current_span(name) if is_traced() else nullcontext()
