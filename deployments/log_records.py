"""What is documented stands in a replica's log on one line."""

from __future__ import annotations

import logging

from values.errors import ServiceError


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
