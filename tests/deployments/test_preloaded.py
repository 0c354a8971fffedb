"""In processes of their own: what is imported, and how nice a thread is, stays."""

from __future__ import annotations

import subprocess
import sys

import pytest

from testing.running_app import ROOT

PRELOAD = """
import gc, os, sys, threading
niceness = {}
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("ray.serve", "deployments.ingress"):
            niceness[name] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
sys.meta_path.insert(0, Watch())
import deployments.preloaded
print(*(each - os.nice(0) for each in niceness.values()), threading.active_count())
assert gc.isenabled()
print(gc.get_freeze_count() > 100_000, len(gc.get_objects()) < 10_000)
print(*{"cv2", "obstore", "PIL"} & sys.modules.keys())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is that of the process")
def test_a_worker_imports_behind_all_that_serves_what_is_never_looked_at_for_garbage() -> None:
    done = subprocess.run([sys.executable, "-c", PRELOAD], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.splitlines(), done.stderr) == (["10 10 1", "True True", ""], "")
