"""From an image file to pixels, timed: the reader, its parts, and Pillow used plainly."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.images import plain_pillow
from benchmarks.turns import Cost, cost, take_turns
from imaging.decoding import decode
from imaging.options import ImageOptions
from imaging.reader import ImageReader
from imaging.sources import locate
from imaging.web import Web
from values.image import ImageSource, ModelSize
from values.locations import WebImage

GOAL = 2.0  # how many times faster than plain Pillow, for a JPEG of GOAL_MEGAPIXELS at SAM's size
GOAL_MEGAPIXELS = 12

READS = ("plain", "same", "decode", "load", "fetch", "http", "file")

Call = Callable[["ImageFile"], None]


class ImageFile(NamedTuple):
    """``kind``: JPEG, PNG or WEBP. ``data``: the bytes of the file."""

    kind: str
    megapixels: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Speed:
    """One line of the table: a file of ``megabytes`` read at a size.

    ``costs``: of each of READS. ``plain``: Pillow in 8 bits; ``same``: Pillow with the rounding that the size
    asks for; ``decode``: what this project does with bytes; ``load``: the part of it before resizing;
    ``fetch``: HTTP alone; ``http``, ``file``: all that the reader does, from there.
    """

    kind: str
    megapixels: int
    megabytes: float
    size: str
    costs: Mapping[str, Cost]
    goal: float | None

    @property
    def ratio(self) -> float:
        """How many times less CPU time decoding takes than plain Pillow."""
        return self.costs["plain"].cpu / self.costs["decode"].cpu

    @property
    def same_ratio(self) -> float:
        """How many times less it takes than Pillow with the same rounding."""
        return self.costs["same"].cpu / self.costs["decode"].cpu

    @property
    def read_ratio(self) -> float:
        """How many times faster reading over HTTP is than fetching and then plain Pillow, by the clock."""
        return (self._wall("fetch") + self._wall("plain")) / self._wall("http")

    @property
    def shares(self) -> dict[str, float]:
        """Parts of the time of reading over HTTP; they add up to 1.

        ``rest``: the way to the process that decodes, and back. It is below 0 where other work slowed the
        parts more than the whole.
        """
        fetch, load, decode = (self._wall(name) for name in ("fetch", "load", "decode"))
        whole = self._wall("http")
        parts = {"fetch": fetch, "decode": load, "resize": decode - load, "rest": whole - fetch - decode}
        return {name: part / whole for name, part in parts.items()}

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        return None if self.goal is None else self.ratio >= self.goal

    def _wall(self, name: str) -> float:
        return self.costs[name].wall


def size_name(size: ModelSize) -> str:
    """The name of the models that take images at this size."""
    return "SAM 2" if size.fractions else "SAM"


def measure(file: ImageFile, size: ModelSize, repeats: int, after: Callable[[], None]) -> Speed:
    """``repeats`` times each way in turn, and once more to warm up; ``after`` is called after every turn."""
    name = f"image.{file.kind.lower()}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(file.data)
        with served(folder) as host, ways(size, host, Path(folder), name) as calls:
            turns = take_turns(calls, [file] * (repeats + 1), after)
    return summary(file, size, {each: cost(taken) for each, taken in turns.items()})


def summary(file: ImageFile, size: ModelSize, costs: Mapping[str, Cost]) -> Speed:
    """The line of a file whose costs are known."""
    aimed_at = file.kind == "JPEG" and file.megapixels == GOAL_MEGAPIXELS and not size.fractions
    goal = GOAL if aimed_at else None
    return Speed(file.kind, file.megapixels, len(file.data) / 1e6, size_name(size), costs, goal)


@contextmanager
def served(folder: str) -> Iterator[str]:
    """host:port of a server of this folder, with keep-alive, in a process of its own."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    command += ["--protocol", "HTTP/1.1", "--directory", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().partition(" port ")[2].split()[0]
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def ways(size: ModelSize, host: str, folder: Path, name: str) -> Iterator[dict[str, Call]]:
    """All of READS, each as a call; connections stay open between them.

    ``name``: of a file in ``folder``, which ``host`` serves.
    """
    # Not asyncio.Runner, which formats each result as text: tens of milliseconds for a photograph's bytes.
    loop = asyncio.new_event_loop()
    options = ImageOptions(image_hosts=(host,))
    reader = ImageReader(options)
    local = ImageReader(ImageOptions(local_files_document_root=folder))
    web = Web(options)
    source, mounted = ImageSource(f"http://{host}/{name}"), ImageSource(f"/data/local-files/?d={name}")
    location = locate(source, options)
    assert isinstance(location, WebImage)

    def done(work: Coroutine[object, object, object]) -> None:
        loop.run_until_complete(work)

    def only(function: Callable[[bytes, ModelSize], object]) -> Call:
        def call(file: ImageFile) -> None:
            function(file.data, size)

        return call

    try:
        yield {
            "plain": only(plain_pillow.whole_levels),
            "same": only(plain_pillow.exact),
            "decode": only(lambda data, size: decode(data, size, options)),
            "load": only(plain_pillow.load),
            "fetch": lambda _: done(web.fetch(location, source)),
            "http": lambda _: done(reader.read(source, size)),
            "file": lambda _: done(local.read(mounted, size)),
        }
    finally:
        for each in (reader, local, web):
            loop.run_until_complete(each.aclose())
        loop.close()
