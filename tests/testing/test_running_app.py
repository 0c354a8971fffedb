from __future__ import annotations

import subprocess
import sys

import pytest

from testing.running_app import ROOT, free_port

CHOOSES = """
import random
ports = iter(({taken}, *range(32001, 32100)))
random.randint = lambda *bounds: next(ports)
from testing.running_app import free_port
print(free_port())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere two may be given the same port")
def test_a_port_that_one_was_given_is_not_another_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, other = free_port(), free_port()
    chosen = iter((taken, other, *range(32001, 32100)))
    monkeypatch.setattr("random.randint", lambda *bounds: next(chosen))
    here = free_port()
    assert here > 32000
    done = subprocess.run(
        [sys.executable, "-c", CHOOSES.format(taken=taken)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert int(done.stdout) > here
