"""What a replica says: while it loads, for those who watch; warnings, at once; errors, in a line each."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import sys
from collections.abc import Iterator

from values.errors import ServiceError

logger = logging.getLogger("ray.serve")

ALOUD = "serve_app: "
"""In front of each line that a replica prints for people: `serve` shows those where it was started."""

JSON_LINE = '{"time": "'
"""How each record of a log for machines begins (``deployments.json_log``): `serve` shows it as it is."""

NO_MASK = "no mask"
"""The beginning of such a line about a click that got no mask."""


@contextlib.contextmanager
def said_aloud() -> Iterator[None]:
    """What is logged meanwhile is printed as well; Ray shows that where the application was started.

    Serve's throughput-optimised mode keeps its log to files, and a model that is downloaded takes minutes.
    """
    if any(type(each) is logging.StreamHandler for each in logger.handlers):
        yield
        return
    # A replica's own `sys.stderr` leads back into the log.
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setLevel(logging.INFO)
    handler.setFormatter(logging.Formatter(f"{ALOUD}%(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def say_aloud(line: str) -> None:
    """Print a line for people where the application was started."""
    # Not `print`, of which Serve makes an entry in the log.
    if sys.__stderr__ is not None:
        with contextlib.suppress(OSError, ValueError):  # it is closed
            sys.__stderr__.write(f"{ALOUD}{line}\n")
            sys.__stderr__.flush()


def warn_at_once() -> None:
    """From now on a warning is in the replica's log file when it is logged.

    Serve's throughput-optimised mode keeps a thousand records in memory until an error comes. An error of
    ours is a warning of one line there.
    """
    logger.addFilter(documented_on_one_line)
    logger.addFilter(_flush_warnings)  # which is there once, however often it is added


def _flush_warnings(record: logging.LogRecord) -> bool:
    """Looks at the handlers with each record: Serve replaces them when its logging is configured anew."""
    for handler in logger.handlers:
        if isinstance(handler, logging.handlers.MemoryHandler):
            handler.flushLevel = min(handler.flushLevel, logging.WARNING)
    return True


def documented_on_one_line(record: logging.LogRecord) -> bool:
    """A filter, which lets all records pass.

    Serve logs "Request failed." with a traceback for whatever a deployment raises, also for what is its way
    to answer: of a ``ServiceError`` the log gets its sentence, and only of what nobody foresaw a
    traceback.
    """
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if isinstance(error, ServiceError):
        record.msg = f"{record.getMessage()} {error.code}: {error.detail}"
        record.args, record.exc_info = (), None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True
