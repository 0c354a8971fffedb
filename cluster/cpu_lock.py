"""requirements-cpu.lock, made of requirements.lock: ``python -m cluster.cpu_lock``.

It has all but what torch brings along for CUDA, and torch's build for CPUs as in requirements-cpu.txt.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CPU = ROOT / "requirements-cpu.txt"
LOCK = ROOT / "requirements-cpu.lock"

# pip fills in the variable, which names a second index: the first one has no such build.
_HEAD = "# This file was made of requirements.lock and requirements-cpu.txt by `make lock`.\n"
_INDEX = "--extra-index-url ${TORCH_INDEX}\n"
_FOR_CUDA = ("nvidia-", "cuda-", "triton==")


def cpu_lock(lock: str, cpu: str) -> str:
    """The text of a lock file without CUDA, where what ``cpu`` has takes the place of what is called so."""
    instead = {_name(each): each for each in _entries(cpu)}
    kept = [instead.get(_name(each), each) for each in _entries(lock) if not each.startswith(_FOR_CUDA)]
    return _HEAD + _INDEX + "".join(kept)


def _entries(text: str) -> Iterator[str]:
    """Each requirement with the lines of its hashes."""
    entry = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("#") or not line.strip():
            continue
        entry += line
        if not line.rstrip().endswith("\\"):
            yield entry
            entry = ""


def _name(entry: str) -> str:
    return entry.partition("==")[0]


if __name__ == "__main__":
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    LOCK.write_text(cpu_lock(lock, CPU.read_text(encoding="utf-8")), encoding="utf-8")
