"""What a replica says while it loads, for whoever watches the start."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

logger = logging.getLogger("ray.serve")


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
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
