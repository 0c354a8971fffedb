from __future__ import annotations

import os
import subprocess
import sys
import time

from testing import processes

BUSY = "import time\nend = time.process_time() + .3\nwhile time.process_time() < end: pass"


def test_cpu_seconds_are_those_of_a_process_and_of_what_came_from_it() -> None:
    before, own = processes.cpu_s(os.getpid()), time.process_time()
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    own = time.process_time() - own
    gained = processes.cpu_s(os.getpid()) - before
    assert 0.25 < gained - own < 3


def test_cpu_seconds_of_a_child_count_while_it_runs() -> None:
    code = f"input()\n{BUSY}\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as child:
        before = processes.cpu_s(os.getpid())
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.stdout.readline()
        gained = processes.cpu_s(os.getpid()) - before
        child.communicate(b"\n")
    assert gained > 0.2
