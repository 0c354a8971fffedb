"""Clicks on slow images and on others: files of 60 megapixels, and hosts that send a byte a second.

    python -m benchmarks.slow_images

Annotators click steadily, every twelfth time on a new image. Meanwhile others click on large images, one
after another, and then on images that arrive slowly, all at once. The table says what the annotators notice,
and how much memory the replicas and processes hold that fetch and decode images.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.peak_memory import PeakMemory
from serve_app.cli.console import console
from testing import processes
from testing.annotating.annotators import TIMEOUT_S, Annotators, Click, asking, client
from testing.annotating.figures import p99
from testing.annotating.questions import PICTURES, SIZE, Questions
from testing.file_server import Exchange, Server
from testing.project_server import Studio, request_of
from testing.running_app import ROOT, running_app

LARGE = (8000, 7500)
HOSTS = 16
MEMORY_MIB = 500.0
"""What fetchers may hold."""
FACTOR = 3.0
"""How many times as long as in calm weather the annotators' clicks may take."""
SAMPLE_S = 0.2


@dataclass(frozen=True, slots=True)
class Weather:
    """Clicks of the annotators while images are ``what``, and the most memory that fetching held, in MiB.

    ``slow``: requests for those images, and how many of them got a mask. ``lost_as``: the statuses and
    exceptions of lost clicks.
    """

    what: str
    clicks: int
    lost: int
    wrong: int
    p50_s: float
    p99_s: float
    new_p99_s: float
    memory_mib: float
    slow: tuple[int, int]
    lost_as: tuple[str, ...] = ()

    def missed(self, calm: Weather) -> list[str]:
        """The limits that were missed."""
        found = {
            f"{self.lost} lost": self.lost > 0,
            f"{self.wrong} WRONG": self.wrong > 0,
            f"p99 {self.p99_s:.2f} s": self.p99_s > FACTOR * calm.p99_s,
            f"{self.memory_mib:.0f} MiB": self.memory_mib > MEMORY_MIB,
        }
        return [words for words, missed in found.items() if missed]


def fetching_mib(ancestor: int) -> float:
    """MiB that fetchers and decoding processes among the descendants hold; shared pages are counted once."""
    held = 0.0
    for pid, words in processes.descendants(ancestor):
        if fetches(words):
            with contextlib.suppress(OSError, KeyError):
                held += processes.share_of(pid)
    return held


def fetches(words: Sequence[str]) -> bool:
    """Whether a process of this command line fetches or decodes images."""
    line = " ".join(words)
    return ":Fetcher" in line or "imaging.decoding_processes.process" in line


def large() -> bytes:
    """A PNG that is slow to decode: smooth, with noise that hardly compresses."""
    width, height = LARGE
    rows = np.linspace(0, 200, height)[:, None] + np.linspace(0, 40, width)[None, :]
    noise = np.random.default_rng(0).integers(0, 8, (height, width, 3))
    pixels = np.clip(rows[..., None] + noise, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def dripping(exchange: Exchange) -> None:
    """Send a byte a second until the server stops or the client leaves."""
    exchange.send_response(200)
    exchange.send_header("Content-Length", "1000000")
    exchange.end_headers()
    with contextlib.suppress(OSError):
        while not exchange.host.closing.wait(1):
            exchange.wfile.write(b"\xff")


def click_on(http: httpx.Client, address: str, size: tuple[int, int]) -> bool:
    """Whether a click on the middle of the image at ``address`` got a mask."""
    asked = request_of(1, size)
    asked["tasks"][0]["data"]["image"] = address
    try:
        answer: dict[str, Any] = http.post("/predict", json=asked).raise_for_status().json()
    except httpx.HTTPError:
        return False
    return any(prediction["result"] for prediction in answer["results"])


class Stage:
    """An application with annotators, whose clicks and memory are measured in each weather."""

    def __init__(self, url: str, annotators: Annotators, memory: PeakMemory, seconds: float) -> None:
        self._url = url
        self._annotators = annotators
        self._memory = memory
        self._seconds = seconds

    def calm(self) -> Weather:
        """Measure with nobody else."""

        def nobody() -> tuple[int, int]:
            time.sleep(self._seconds)
            return 0, 0

        return self._during("calm", nobody)

    def large(self, host: str) -> Weather:
        """Measure during clicks on the large image, one after another, each time at another address."""
        end = time.monotonic() + self._seconds
        masks = list[bool]()

        def clicks() -> tuple[int, int]:
            with client(self._url, TIMEOUT_S) as http:
                while time.monotonic() < end:
                    masks.append(click_on(http, f"{host}/{len(masks)}.png", LARGE))
            return len(masks), sum(masks)

        return self._during(f"{LARGE[0] * LARGE[1] / 1e6:.0f} megapixels", clicks)

    def dripping(self, hosts: Sequence[str]) -> Weather:
        """Measure during clicks on all slow hosts at once."""

        def one(host: str) -> bool:
            with client(self._url, self._seconds) as http:
                return click_on(http, f"{host}/slow.png", SIZE)

        def clicks() -> tuple[int, int]:
            with ThreadPoolExecutor(len(hosts)) as threads:
                masks = list(threads.map(one, hosts))
            return len(masks), sum(masks)

        return self._during(f"{len(hosts)} hosts, a byte a second", clicks)

    def _during(self, what: str, others: Callable[[], tuple[int, int]]) -> Weather:
        began = time.monotonic()
        self._memory.peak()
        slow = others()
        ended = time.monotonic()
        memory = self._memory.peak()
        seen = [each for each in list(self._annotators.clicks) if began < each.sent and each.ended < ended]
        return weather(what, seen, memory, slow)


def weather(what: str, clicks: Sequence[Click], memory_mib: float, slow: tuple[int, int]) -> Weather:
    """The annotators' clicks in figures."""
    seconds = sorted(each.seconds for each in clicks if each.answered)
    new = [each.seconds for each in clicks if each.answered and each.cold]
    return Weather(
        what=what,
        clicks=len(clicks),
        lost=sum(not each.answered for each in clicks),
        wrong=sum(each.outcome == "wrong" for each in clicks),
        p50_s=seconds[len(seconds) // 2] if seconds else 0.0,
        p99_s=p99(seconds),
        new_p99_s=p99(new),
        memory_mib=memory_mib,
        slow=slow,
        lost_as=tuple(sorted({each.outcome for each in clicks if not each.answered})),
    )


def table(rows: Sequence[Weather]) -> Table:
    """A line for each weather, with its verdict."""
    made = Table(title="Clicks while slow images are read", box=box.SIMPLE_HEAD, pad_edge=False)
    headings = [
        "images",
        "masks of them",
        "other clicks",
        "lost",
        "wrong",
        "p50 s",
        "p99 s",
        "new images p99 s",
    ]
    for heading in [*headings, "fetching MiB", "verdict"]:
        made.add_column(heading, justify="left" if heading in ("images", "verdict") else "right")
    for each in rows:
        missed = each.missed(rows[0])
        made.add_row(
            each.what,
            f"{each.slow[1]} of {each.slow[0]}",
            f"{each.clicks}",
            " ".join([f"{each.lost}", *each.lost_as]),
            f"{each.wrong}",
            f"{each.p50_s:.2f}",
            f"{each.p99_s:.2f}",
            f"{each.new_p99_s:.2f}",
            f"{each.memory_mib:.0f}",
            f"[{'red' if missed else 'green'}]{'missed: ' + ', '.join(missed) if missed else 'kept'}[/]",
        )
    return made


@contextlib.contextmanager
def stage(seconds: float) -> Iterator[tuple[Stage, str, list[str]]]:
    """The stage, the host of the large image, and the hosts that send a byte a second."""
    questions, content = Questions(), large()
    with (
        Studio(1, *SIZE, pictures=PICTURES) as studio,
        Server(lambda exchange: exchange.say(200, content)) as host,
        contextlib.ExitStack() as stack,
    ):
        hosts = [stack.enter_context(Server(dripping)).url for _ in range(HOSTS)]
        env = {"LABEL_STUDIO_URL": studio.url, "WORKERS": "2", "IMAGE_HOSTS": "*"}
        with running_app(ROOT / "configs" / "serve.yaml", env, haproxy=True) as app:
            with client(app.url, TIMEOUT_S) as http:
                questions.learn(asking(http))
            held = PeakMemory(partial(fetching_mib, app.process.pid), SAMPLE_S)
            with held as memory, Annotators(app.url, questions) as annotators:
                yield Stage(app.url, annotators, memory, seconds), host.url, hosts


def run(seconds: float, shown: Console) -> dict[str, Any]:
    """Measure, print, and give the figures."""
    with Bar(3) as bar, stage(seconds) as (stages, host, hosts):
        rows = []
        measures: list[Callable[[], Weather]] = [
            stages.calm,
            lambda: stages.large(host),
            lambda: stages.dripping(hosts),
        ]
        for measure in measures:
            rows.append(measure())
            bar.begin(rows[-1].what)
            bar.advance(1)
    shown.print(machine.described(), markup=False)
    shown.print(table(rows))
    return {"machine": machine.described(), "weathers": [asdict(row) for row in rows]}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Clicks while images that take long are read.")
    parser.add_argument("--seconds", type=float, default=40.0, help="for which each weather lasts")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    command.run(lambda folder: run(given.seconds, console()), given.json)


if __name__ == "__main__":
    main()
