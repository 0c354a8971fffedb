"""What reading hostile files costs: ``python -m tests.imaging.hostile.measure FOLDER`` writes JSON.

To be run in a process of its own: the kernel's high-water mark of a process (VmHWM) never falls.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import threading
from pathlib import Path

from tests.imaging.hostile.corpus import GOOD, read, reader_of
from tests.imaging.servers import Server

_MARK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def high_water_mib(process: int | str = "self") -> float:
    """The most memory a process has had at once, in MiB; 0 for one that has ended."""
    try:
        found = _MARK.search(Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def descendants(process: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    children: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children += map(int, task.read_text().split())
        except OSError:
            continue
    return children + [one for child in children for one in descendants(child)]


class Peaks:
    """Watches the processes below this one from a thread, until the block ends; ``most`` in MiB.

    What ends between two looks is not seen: a lower bound.
    """

    def __init__(self) -> None:
        self.most = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peaks:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.01):
            self.most = max([self.most, *map(high_water_mib, descendants(os.getpid()))])


async def measure(folder: Path) -> dict[str, object]:
    """``start`` and ``end``: this process's marks after one good image and after all files, in MiB.

    ``costs``: of each file, how far the mark had risen by then, the peak of the processes below, and the end.
    """
    costs: dict[str, tuple[float, float, str]] = {}
    async with Server() as server:
        readers = {slow: reader_of(server, slow=slow) for slow in (False, True)}
        for reader in readers.values():
            await read(reader, server, GOOD)
        start = high_water_mib()
        for slow, reader in readers.items():
            for path in sorted(folder.glob(f"{'slow' if slow else 'quick'}/*")):
                with Peaks() as peaks:
                    end = await read(reader, server, path.read_bytes())
                costs[path.name] = (high_water_mib() - start, peaks.most, type(end).__name__)
            await reader.aclose()
    return {"start": start, "end": high_water_mib(), "costs": costs}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure(Path(sys.argv[1])))))
