from __future__ import annotations

import subprocess
import sys

import pytest

from testing.running_app import ROOT, free_port

CHOOSES = """
import random
ports = iter(({taken}, {free}))
random.randint = lambda *bounds: next(ports)
from testing.running_app import free_port
print(free_port())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere two may be given the same port")
def test_a_port_that_one_was_given_is_not_another_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, other, free = free_port(), free_port(), 32001
    chosen = iter((taken, other, free))
    monkeypatch.setattr("random.randint", lambda *bounds: next(chosen))
    assert free_port() == free
    program = CHOOSES.format(taken=taken, free=free + 1)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"{free + 1}\n", "")
