"""Hostile files cost the reading process little memory, whatever becomes of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from testing.running_app import ROOT
from tests.imaging.hostile.corpus import FILES
from tests.imaging.hostile.measure import Peaks, descendants, high_water_mib

MOST_MIB = 200
MOST_BELOW_MIB = 2600
"""Of one decoding process, which the system allows 16 bytes a pixel and a gigabyte of addresses."""

_GROW = """
import sys
sys.stdin.readline()
kept = b"x" * (64 << 20)
print(len(kept), flush=True)
sys.stdin.readline()
"""


def test_all_hostile_files_in_one_process(tmp_path: Path) -> None:
    # Made here, so that making them is not counted as reading them.
    for folder in ("quick", "slow"):
        (tmp_path / folder).mkdir()
    for file in FILES:
        (tmp_path / ("slow" if file.slow else "quick") / file.name).write_bytes(file.make())
    command = [sys.executable, "-m", "tests.imaging.hostile.measure", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert len(found["costs"]) == len(FILES)
    risen = {name: cost[0] for name, cost in found["costs"].items()}
    assert found["end"] - found["start"] < MOST_MIB, risen
    assert max(below for _, below, _ in found["costs"].values()) < MOST_BELOW_MIB


def test_the_mark_is_seen_to_rise() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _GROW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with Peaks() as peaks:
            process.stdin.write("grow\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{64 << 20}\n"
            assert process.pid in descendants(os.getpid())
            assert high_water_mib(process.pid) > 64
            while peaks.most < 64:
                pass
        process.stdin.write("end\n")
