"""Every hostile file ends in a sentence or in pixels, in time and in little memory, and the reader reads on.

One process reads them all, one after another, as a fetcher would.
"""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from testing.running_app import ROOT
from tests.imaging.hostile.corpus import FILES, SIZE
from tests.imaging.hostile.file import File
from tests.imaging.hostile.measure import Peaks, descendants, high_water_mib
from tests.imaging.hostile.reading import Readings
from values.image import Pixels

pytestmark = pytest.mark.slow

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


@pytest.fixture(scope="session")
def readings(run_folder: Path) -> Readings:
    """Read once, whichever process of this run asks first."""
    folder = run_folder / "hostile"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            _write(folder)
        done = folder / "readings"
        if not done.exists():
            command = [sys.executable, "-m", "tests.imaging.hostile.measure", str(folder)]
            ran = subprocess.run(command, cwd=ROOT, capture_output=True)
            assert ran.returncode == 0, ran.stderr[-3000:].decode()
            done.write_bytes(ran.stdout)
    found = pickle.loads(done.read_bytes())
    assert isinstance(found, Readings)
    return found


def _write(folder: Path) -> None:
    """Made before they are read, so that making them is not counted as reading them."""
    for part in ("quick", "slow"):
        (folder / part).mkdir(parents=True)
    for file in FILES:
        (folder / ("slow" if file.slow else "quick") / file.name).write_bytes(file.make())


def test_there_are_enough_of_them() -> None:
    names = [file.name for file in FILES]
    assert len(set(names)) == len(names) >= 150


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_hostile_files(readings: Readings, file: File) -> None:
    reading = readings.files[file.name]
    end, good = reading.end, reading.good
    assert issubclass(end.kind, file.ends), end
    if end.kind is Pixels:
        assert end.side == SIZE.side
        assert math.prod(end.size) <= 89e6
    else:
        assert end.said.startswith("cannot read the image of task 42: ")
        assert end.said.isprintable()
        assert "/etc/passwd" not in end.said
    assert (good.kind, good.size) == (Pixels, (40, 20))


def test_all_of_them_cost_little_memory(readings: Readings) -> None:
    assert readings.files.keys() == {file.name for file in FILES}
    assert readings.risen < MOST_MIB, {name: each.risen for name, each in readings.files.items()}
    assert max(each.below for each in readings.files.values()) < MOST_BELOW_MIB


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
