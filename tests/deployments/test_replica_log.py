from __future__ import annotations

import io
import logging
import logging.handlers
import sys

import pytest

from deployments.replica_log import ALOUD, said_aloud, say_aloud, warn_at_once


def test_what_is_logged_meanwhile_is_printed(logger: logging.Logger, printed: io.StringIO) -> None:
    with said_aloud():
        logger.info("downloading")
    logger.info("serving")
    assert printed.getvalue() == f"{ALOUD}downloading\n"


def test_a_line_for_people_is_printed_as_such(printed: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    say_aloud("no mask")
    assert printed.getvalue() == f"{ALOUD}no mask\n"
    monkeypatch.setattr(sys, "__stderr__", None)
    say_aloud("nobody listens")
    printed.close()
    monkeypatch.setattr(sys, "__stderr__", printed)
    say_aloud("nor here")


def test_nothing_is_printed_twice(logger: logging.Logger, printed: io.StringIO) -> None:
    logger.addHandler(logging.StreamHandler(printed))
    with said_aloud():
        logger.info("downloading")
    assert printed.getvalue() == "downloading\n"


def test_a_load_that_fails_leaves_no_handler(logger: logging.Logger, printed: io.StringIO) -> None:
    before = list(logger.handlers)
    with pytest.raises(MemoryError), said_aloud():
        raise MemoryError
    assert logger.handlers == before


def test_a_warning_is_in_the_log_at_once_and_what_came_before_it(logger: logging.Logger) -> None:
    file = io.StringIO()
    # As Serve's throughput-optimised mode has it, also when its logging is configured anew.
    handler = logging.handlers.MemoryHandler(1000, target=logging.StreamHandler(file))
    warn_at_once()
    logger.handlers.clear()
    logger.addHandler(handler)
    logger.info("a click was answered")
    assert file.getvalue() == ""
    logger.warning("a click was refused")
    assert file.getvalue() == "a click was answered\na click was refused\n"
