from __future__ import annotations

import io
import json
import logging
import logging.handlers
from typing import Any

import pytest
from ray._common.formatters import JSONFormatter
from ray.serve import context as serve_context

from deployments.json_log import log_json_where_asked
from deployments.replica_log import JSON_LINE, said_aloud


@pytest.fixture
def logger(logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """Serve's logger as a replica has it in throughput-optimised mode."""
    monkeypatch.setattr(logger, "filters", [])
    log_json_where_asked()
    return logger


def files(formatter: logging.Formatter | None) -> logging.Handler:
    """What Serve writes to files, a thousand records at a time."""
    target = logging.StreamHandler(io.StringIO())
    target.setFormatter(formatter)
    return logging.handlers.MemoryHandler(1000, target=target)


def lines(printed: io.StringIO) -> list[dict[str, Any]]:
    written = printed.getvalue().splitlines()
    assert all(line.startswith(JSON_LINE) for line in written)
    return [json.loads(line) for line in written]


def test_each_record_is_a_line_at_once_with_the_id_of_its_request(
    logger: logging.Logger, printed: io.StringIO
) -> None:
    logger.addHandler(files(JSONFormatter()))
    serve_context._set_request_context(request_id="7e57")
    try:
        logger.info("a %s\nwas answered \x1b[2J", "click")
    finally:
        serve_context._unset_request_context()
    logger.info("GET /health", extra={"request_id": "of its own"})
    first, second = lines(printed)
    assert first.pop("time").endswith("+00:00")
    assert first.pop("source").startswith("test_json_log.py:")
    assert first == {"level": "INFO", "message": "a click\nwas answered \x1b[2J", "request_id": "7e57"}
    assert second["request_id"] == "of its own"


def test_a_traceback_is_in_its_line(logger: logging.Logger, printed: io.StringIO) -> None:
    logger.addHandler(files(JSONFormatter()))
    try:
        raise ZeroDivisionError("why")
    except ZeroDivisionError:
        logger.exception("failed")
    [line] = lines(printed)
    assert "request_id" not in line
    assert line["exception"].endswith("ZeroDivisionError: why")


def test_a_log_of_text_is_not_on_stderr(logger: logging.Logger, printed: io.StringIO) -> None:
    logger.addHandler(files(logging.Formatter()))
    logger.info("a click was answered")
    assert printed.getvalue() == ""


def test_it_goes_on_when_serve_configures_its_log_anew(logger: logging.Logger, printed: io.StringIO) -> None:
    for _ in range(2):
        logger.handlers.clear()
        logger.addHandler(files(JSONFormatter()))
        logger.info("a click was answered")
    assert len(lines(printed)) == 2


def test_what_serve_prints_itself_becomes_json_too(logger: logging.Logger, printed: io.StringIO) -> None:
    logger.addHandler(logging.StreamHandler(printed))
    logger.addHandler(files(JSONFormatter()))
    logger.info("a click was answered")
    with said_aloud():
        logger.info("downloading")
    assert [line["message"] for line in lines(printed)] == ["a click was answered", "downloading"]


def test_what_serve_leaves_out_is_left_out(logger: logging.Logger, printed: io.StringIO) -> None:
    handler = files(JSONFormatter())
    handler.addFilter(lambda record: not getattr(record, "serve_access_log", False))
    logger.addHandler(handler)
    logger.info("GET /health 200", extra={"serve_access_log": True})
    assert printed.getvalue() == ""
