"""What a Ray worker has run is written down while it runs: `make coverage` puts this folder on PYTHONPATH.

Ray ends its workers without letting them write anything. Other processes write when they end, which
coverage.py sees to by itself.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time

_EVERY_S = 3.0


def _keep_writing() -> None:
    import coverage

    while True:
        time.sleep(_EVERY_S)
        current = coverage.Coverage.current()
        if current is not None:
            with contextlib.suppress(Exception):  # of the next time or never: the worker's work comes first
                current.save()


if any("default_worker.py" in argument for argument in sys.orig_argv):
    threading.Thread(target=_keep_writing, name="coverage", daemon=True).start()
