"""Documented errors are one line of the log, whoever logs them."""

from __future__ import annotations

import io
import logging

import pytest
from ray.exceptions import RayTaskError

from deployments.replica_log import warn_at_once
from values.errors import ImageMissing


def logged(error: Exception, monkeypatch: pytest.MonkeyPatch) -> str:
    """What Serve's own line about a request that failed becomes."""
    logger, file = logging.getLogger("ray.serve"), io.StringIO()
    handler = logging.StreamHandler(file)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    monkeypatch.setattr(logger, "handlers", [handler])
    warn_at_once()
    try:
        raise error
    except Exception:
        logger.exception("Request %s.", "failed")
    return file.getvalue()


def test_an_error_of_ours_has_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    said = logged(ImageMissing("no such\nimage"), monkeypatch)
    assert said == "WARNING Request failed. image_missing: no such\\nimage\n"


def test_nor_has_one_that_came_from_another_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    cause = ImageMissing("no such image")
    error = RayTaskError("read", "its traceback", cause).as_instanceof_cause()
    assert logged(error, monkeypatch) == "WARNING Request failed. image_missing: no such image\n"


def test_what_nobody_foresaw_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said = logged(ZeroDivisionError("why"), monkeypatch)
    assert said.startswith("ERROR Request failed.\nTraceback")
    assert "ZeroDivisionError: why" in said
