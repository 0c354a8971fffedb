"""A collector of spans, as far as tests need one: OTLP over HTTP, on loopback."""

from __future__ import annotations

import gzip
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATIENCE_S = 60


@dataclass(frozen=True)
class Span:
    """One that was received; ids in hexadecimal, ``parent`` empty for a root."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]


class OtlpReceiver:
    """Keeps all spans that it is sent, from entering the context until it ends."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver._take(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def trace_with(self, *names: str, request: str) -> list[Span]:
        """The spans of the trace in which the request has this id, once spans of all these names have come.

        Raises AssertionError after a minute.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with self._came:
                traces = {each.trace for each in self.spans if each.attributes.get("request_id") == request}
                found = [each for each in self.spans if each.trace in traces]
                missing = set(names) - {each.name for each in found}
                if not missing:
                    return found
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"no {missing} among {[each.name for each in found]}"
                self._came.wait(left_s)

    def _take(self, request: ExportTraceServiceRequest) -> None:
        spans = [
            Span(
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                {each.key: each.value.string_value for each in span.attributes},
            )
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._came:
            self.spans += spans
            self._came.notify_all()
