"""Reads hostile files one after another: ``python -m tests.imaging.hostile.measure FOLDER`` writes a pickle.

To be run in a process of its own: the kernel's high-water mark of a process (VmHWM) never falls.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import sys
import threading
from pathlib import Path

from imaging.reader import ImageReader
from tests.imaging.hostile.corpus import GOOD, read, reader_of
from tests.imaging.hostile.reading import End, Reading, Readings
from tests.imaging.servers import Server
from values.errors import ImageError, ImageTimeout, Overloaded
from values.image import Pixels

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


async def measure(folder: Path) -> Readings:
    """Every file of ``folder``, quick ones first, and a good image after each."""
    found: dict[str, Reading] = {}
    async with Server() as server:
        readers = {slow: reader_of(server, slow=slow) for slow in (False, True)}
        for reader in readers.values():
            await read(reader, server, GOOD)
        start = high_water_mib()
        for slow, reader in readers.items():
            for path in sorted(folder.glob(f"{'slow' if slow else 'quick'}/*")):
                sys.stderr.write(f"{path.name}\n")  # the last one is where it ended, if it does
                with Peaks() as peaks:
                    end = await read(reader, server, path.read_bytes())
                good = await _next_good(reader, server)
                risen = high_water_mib() - start
                found[path.name] = Reading(End.of(end), End.of(good), risen, peaks.most)
            await reader.aclose()
    return Readings(found, high_water_mib() - start)


async def _next_good(reader: ImageReader, server: Server) -> Pixels | ImageError:
    while True:
        try:
            end = await read(reader, server, GOOD)
        except Overloaded:
            end = ImageTimeout("")
        if not isinstance(end, ImageTimeout):
            return end
        # The machine is busy with something else; a reader that is stuck never gets past this.
        await asyncio.sleep(0)


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(asyncio.run(measure(Path(sys.argv[1])))))
