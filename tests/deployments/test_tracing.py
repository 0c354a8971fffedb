"""Spans reach a collector; a machine without the exporter is told so; nobody pays who does not trace."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from ray.serve._private.tracing_utils import _load_span_processors

from deployments.tracing import span
from serve_app.cli.serve.environment import OTLP
from testing.otlp_receiver import OtlpReceiver


@pytest.mark.slow
def test_spans_are_sent_to_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    with OtlpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        # As Serve itself loads what is named.
        [processor] = _load_span_processors(OTLP, "unused")
        provider.add_span_processor(processor)
        click = provider.get_tracer("test").start_as_current_span("click", attributes={"request_id": "7e57"})
        with click, span("decode"):
            pass
        provider.shutdown()
        first, second = receiver.trace_with("click", "decode", request="7e57")
    assert (first.name, second.name) == ("decode", "click")
    assert (first.parent, second.parent) == (second.id, "")


def test_without_the_exporter_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -r requirements-tracing\.txt"):
        _load_span_processors(OTLP, "unused")


def test_where_nobody_traces_there_is_no_span() -> None:
    assert isinstance(span("decode"), nullcontext)
