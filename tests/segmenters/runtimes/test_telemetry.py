"""Nobody is told what is computed here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testing.running_app import ROOT

LOADS = "import segmenters.runtimes.onnx_runtime, os; print(len(os.listdir('/proc/self/task')))"


def _loaded(home: Path, **told: str) -> int:
    """How many threads a process has that has loaded the runtime, with this home folder.

    It gets nothing else of this process's environment: the runtime tells nobody anything on what it takes for
    a build machine, by variables such as ``CI``, and would write below ``XDG_CACHE_HOME``.
    """
    told |= {"HOME": str(home), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    ran = subprocess.run(
        [sys.executable, "-c", LOADS], cwd=ROOT, env=kept | told, check=True, capture_output=True, text=True
    )
    return int(ran.stdout)


def test_onnx_runtime_keeps_no_identifier_and_starts_no_thread_that_sends(tmp_path: Path) -> None:
    assert _loaded(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_without_being_told_not_to_it_does(tmp_path: Path) -> None:
    """Else the test above holds nothing; whoever wants it can have it."""
    assert _loaded(tmp_path, ORT_DISABLE_TELEMETRY="0") > 1
    assert list(tmp_path.rglob("deviceid"))
