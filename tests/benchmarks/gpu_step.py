"""A step for the tests of the runner: `python -m tests.benchmarks.gpu_step WHAT --json FILE`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    what, file = sys.argv[1], Path(sys.argv[3])
    if what == "fails":
        sys.exit("the device is not there")
    child = None
    if what == "hangs":
        # In a session of its own, as the application is.
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
        )
    file.with_suffix(".new").write_text(json.dumps({"child": child.pid if child else None}))
    file.with_suffix(".new").rename(file)
    while child is not None:
        try:
            time.sleep(60)
        except KeyboardInterrupt:  # as where something takes long to stop
            continue
