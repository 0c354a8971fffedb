"""In processes of their own: what is imported, and how nice a thread is, stays."""

from __future__ import annotations

import subprocess
import sys

import pytest

from testing.running_app import ROOT

PRELOAD = """
import os, sys, threading
niceness = {}
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "ray.serve":
            niceness["imports"] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
sys.meta_path.insert(0, Watch())
import deployments.preloaded
assert "ray.serve" in sys.modules
print(niceness["imports"] - os.nice(0), threading.active_count())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is that of the process")
def test_a_worker_imports_serve_behind_all_that_serves_and_is_itself_as_before() -> None:
    done = subprocess.run([sys.executable, "-c", PRELOAD], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["10", "1"], "")
