"""A device that fails under the application: `python -m benchmarks.gpu.failure`.

Twice: its memory is full for a while, and an error after which it computes nothing more for the process. What
clicks on new images and on known ones are answered meanwhile, and when new images are encoded again.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.encoder.network import described
from benchmarks.gpu.breakable import BROKEN, FOLDER, FULL
from benchmarks.gpu.graph import Graph, graph
from benchmarks.gpu.weights import collected, given
from segmenters.sam.segmenter import SegmentAnything

BACK_S = 60.0
"""For so long it is waited until new images are encoded again."""

_PAUSE_S = 0.5
_IMAGES = 10


@dataclass(frozen=True, slots=True)
class Fault:
    """``refused``: what each click on a new image was answered until one got its mask, such as
    "503 out_of_memory". ``sentence``: of the first of these. ``known``, ``lost``: clicks on a known image
    meanwhile that got their mask, and others.

    ``back``: seconds from the cause's end until a new image had its mask; for a broken device, from its
    beginning. None: not in ``BACK_S``. ``replaced``: whether the encoder's process is another one then.
    """

    name: str
    refused: list[str]
    sentence: str
    known: int
    lost: int
    back: float | None
    replaced: bool


class Clicker:
    """Clicks on images of a running application: on the first of all, and on the next of ``new``, which stays
    new until it gets its mask."""

    def __init__(self, running: Graph, new: Iterator[dict[str, Any]]) -> None:
        self._running = running
        self._new = new
        self._next = next(new)
        self._known = running.bodies[0]
        self.refused: list[str] = []
        self.sentence = ""
        self.known = self.lost = 0

    def new(self) -> bool:
        """Click on the next new image, and on the known one; whether the new one got its mask."""
        answer = self._running.client.post("/predict", json=self._next)
        if answer.is_success:
            self._next = next(self._new, self._next)
        else:
            said = answer.json()
            self.refused.append(f"{answer.status_code} {said['error']}")
            self.sentence = self.sentence or str(said["detail"])
        if self.again():
            self.known += 1
        else:
            self.lost += 1
        return answer.is_success

    def again(self) -> bool:
        """Click on the known image; whether it got its mask."""
        return self._running.client.post("/predict", json=self._known).is_success


def full(running: Graph, clicker: Clicker, folder: Path) -> Fault:
    """Its memory is full until a click on a new image was answered."""
    before = _encoder(running)
    with _file(folder / FULL):
        clicker.new()
    back = _back(clicker)
    return _fault("no memory left", clicker, back, replaced=_encoder(running) != before)


def broken(running: Graph, clicker: Clicker, folder: Path) -> Fault:
    """An error after which a GPU computes nothing more for the process."""
    before = _encoder(running)
    with _file(folder / BROKEN):
        back = _back(clicker)
    return _fault("an error of the device", clicker, back, replaced=_encoder(running) != before)


def _encoder(running: Graph) -> int:
    """The process of the encoder, or 0 while there is none."""
    try:
        return running.pid("Encoder")
    except LookupError:
        return 0


def _back(clicker: Clicker) -> float | None:
    began = time.monotonic()
    while time.monotonic() - began < BACK_S:
        if clicker.new():
            return time.monotonic() - began
        time.sleep(_PAUSE_S)
    return None


def _fault(name: str, clicker: Clicker, back: float | None, *, replaced: bool) -> Fault:
    return Fault(name, clicker.refused, clicker.sentence, clicker.known, clicker.lost, back, replaced)


@contextlib.contextmanager
def _file(path: Path) -> Iterator[None]:
    path.touch()
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def measured(model: SegmentAnything, device: str) -> Iterator[dict[str, Any]]:
    """Both faults, one after the other, in one application, each as a ``Fault``'s values."""
    with tempfile.TemporaryDirectory() as folder:
        env = {FOLDER: folder}
        build = "benchmarks.gpu.breakable:build"
        with graph(model, device, "cpu", _IMAGES, build=build, env=env) as running:
            new = iter(running.bodies[1:])
            if not Clicker(running, new).new():
                raise RuntimeError("the application answers no click, before anything is broken")
            for fault in (full, broken):
                yield asdict(fault(running, Clicker(running, new), Path(folder)))


def main() -> None:
    """Read the arguments, break it."""
    parser = argparse.ArgumentParser(description="A device that fails under the application.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--device", default="cuda")
    asked = given(parser)
    command.run(
        lambda folder: collected(
            measured(described(asked.model, folder, asked.checkpoints), asked.device), asked.json
        ),
        asked.json,
        asked.keep,
    )


if __name__ == "__main__":
    main()
