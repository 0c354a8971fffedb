"""A log for machines: each record as a line of JSON on stderr, as it comes, with the id of its request.

It is written where Serve's ``logging_config`` says `encoding: JSON` (the setting ``log_format``). Serve
itself writes JSON to files only, and in throughput-optimised mode a thousand records at a time.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
from datetime import UTC, datetime
from typing import Any

from opentelemetry import trace
from ray import serve
from ray._common.formatters import JSONFormatter

from deployments.request_context import request_id

logger = logging.getLogger("ray.serve")


class JsonLines(logging.Formatter):
    """Formats records; ``about`` is in each of them."""

    def __init__(self, about: dict[str, str]) -> None:
        super().__init__()
        self._about = about

    def format(self, record: logging.LogRecord) -> str:
        """One line, which begins with ``JSON_LINE``. Its keys are in docs/monitoring.md."""
        at = datetime.fromtimestamp(record.created, UTC)
        said: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **self._about,
        }
        if request := getattr(record, "request_id", "") or request_id():
            said["request_id"] = request
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            said["trace_id"] = trace.format_trace_id(span.trace_id)
        if isinstance(record.exc_info, tuple) and record.exc_info[0] is not None:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said | {"source": f"{record.filename}:{record.lineno}"})


def log_json_where_asked() -> None:
    """From now on this replica's log is on stderr too, where its files are JSON."""
    logger.addFilter(_with_json_lines)  # which is there once, however often it is added


def _with_json_lines(record: logging.LogRecord) -> bool:
    """Looks at the handlers with each record: Serve replaces them when its logging is configured anew."""
    streams = [each for each in logger.handlers if type(each) is logging.StreamHandler]
    if any(isinstance(each.formatter, JsonLines) for each in streams):
        return True
    files = next((each for each in logger.handlers if _is_of_json_files(each)), None)
    if files is not None:
        # A replica's own `sys.stderr` leads back into the log.
        stream = streams[0] if streams else logging.StreamHandler(sys.__stderr__)
        stream.setFormatter(JsonLines(_about_this_replica()))
        # Of Serve's filters those that leave records out, as `enable_access_log: false` does.
        for each in files.filters:
            if not isinstance(each, logging.Filter):
                stream.addFilter(each)
        if not streams:
            logger.addHandler(stream)
    return True


def _is_of_json_files(handler: logging.Handler) -> bool:
    target = handler.target if isinstance(handler, logging.handlers.MemoryHandler) else None
    return target is not None and isinstance(target.formatter, JSONFormatter)


def _about_this_replica() -> dict[str, str]:
    try:
        replica = serve.get_replica_context()
    except Exception:  # outside of Serve, which raises its own
        return {}
    return {
        "application": replica.app_name,
        "deployment": replica.deployment,
        "replica": replica.replica_id.unique_id,
    }
