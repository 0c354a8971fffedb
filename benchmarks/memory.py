"""Whether replicas with full caches take the memory that the pods of Kubernetes book for them.

    python -m benchmarks.memory
    python -m benchmarks.memory --cache-mib 64    a short run, with small caches

The application of cluster/kuberay/overlays/cpu runs on this machine with its settings and its least replicas,
its model with stand-in weights. Clicks on ever new images fill the decoders' memory, further ones what they
refine with, and one image of 60 megapixels is read. Then each replica's memory, at the end and at most,
stands beside what serve_app/sizing.py says; pages that processes share are counted once.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.clients import client_of
from benchmarks.slow_images import LARGE, click_on, fetches, large
from segmenters.models import MODELS
from serve_app import sizing
from serve_app.cli.console import console
from serve_app.lint.serve import FileSettings
from testing import processes
from testing.app_metrics import total
from testing.file_server import Server
from testing.project_server import Studio, request_of
from testing.running_app import ROOT, RunningApp, running_app
from testing.weights import checkpoints

CONFIG = ROOT / "cluster" / "kuberay" / "overlays" / "cpu" / "serve.yaml"
SIZE = (640, 480)
CLIENTS = 4
OTHERS = "Ray, Serve, HAProxy and the object store"

_PICTURES = 6
_FULL = 0.95  # an image that has no room any more leaves less than that
_REPORTED_S = 12.0
_ANSWER_MIB = 0.25  # what is kept of an answer to refine it: 256 x 256 float32
_SAMPLE_S = 1.0
# Numbers of the images that a decoder surely still has.
_RECENT = 24


@dataclass(frozen=True, slots=True)
class Line:
    """MiB. ``now``, ``peak``: of all replicas of a deployment together, with full caches and at most; the
    peaks of several are summed as if they came at once."""

    name: str
    replicas: int
    predicted: float
    now: float
    peak: float

    @property
    def fits(self) -> bool:
        """Whether it takes what it was thought to, at its peak too."""
        return self.peak <= self.predicted


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes of embeddings in all decoders, and what they may be; clicks that failed, of all."""

    nbytes: float
    limit: float
    clicks: int
    failed: int


class Watch:
    """The memory of an application's processes, each by what it belongs to."""

    def __init__(self, ancestor: int) -> None:
        self._ancestor = ancestor
        self._peaks: dict[tuple[str, int], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_again, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def now(self) -> dict[str, float]:
        """MiB of each deployment, and of ``OTHERS``."""
        found: dict[str, float] = {}
        for pid, words in processes.descendants(self._ancestor):
            with contextlib.suppress(OSError, KeyError):
                share, name = processes.share_of(pid), owner(words)
                found[name] = found.get(name, 0.0) + share
                self._peaks[name, pid] = max(self._peaks.get((name, pid), 0.0), share)
        return found

    def peaks(self) -> dict[str, float]:
        """The most that each process had so far, added up."""
        found: dict[str, float] = {}
        for (name, _), peak in list(self._peaks.items()):
            found[name] = found.get(name, 0.0) + peak
        return found

    def _look_again(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            self.now()


def owner(words: Sequence[str]) -> str:
    """The deployment that a process of this command line belongs to, or ``OTHERS``."""
    if fetches(words):
        return "Fetcher"
    title = words[0].strip()
    replica = title.startswith("ray::ServeReplica:")
    return title.rpartition(":")[2].partition(".")[0].split()[0] if replica else OTHERS


def configured(cache_mib: int | None) -> dict[str, Any]:
    """The config of the overlay with its least replicas, for one machine that books nothing."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    config["http_options"] |= {"host": "127.0.0.1"}
    [application] = config["applications"]
    if cache_mib is not None:
        application["args"]["cache_mib"] = cache_mib
    least = sizing.replicas(application, settings(application), "min_replicas")
    for each in application["deployments"]:
        each.pop("autoscaling_config", None)
        each.pop("max_replicas_per_node", None)
        each["ray_actor_options"] = {"num_cpus": 0.05}
        if each["name"] != "Ingress":
            each["num_replicas"] = least[each["name"]]
    return config


def settings(application: Mapping[str, Any]) -> FileSettings:
    """What the config says."""
    return FileSettings(**application["args"])


def lines(application: Mapping[str, Any], now: Mapping[str, float], peak: Mapping[str, float]) -> list[Line]:
    """A line for each deployment, and one for all else."""
    own = settings(application)
    counts = sizing.replicas(application, own, "max_replicas")
    found = [
        Line(name, count, count * sizing.replica_mib(name, own), now.get(name, 0.0), peak.get(name, 0.0))
        for name, count in counts.items()
    ]
    others = sizing.RAY + sizing.store_mib(application, own, "max_replicas")
    return [*found, Line(OTHERS, 1, others, now.get(OTHERS, 0.0), peak.get(OTHERS, 0.0))]


class Filling:
    """Clicks that fill what the decoders of ``app`` keep."""

    def __init__(self, app: RunningApp, decoders: int, own: FileSettings) -> None:
        self._app = app
        self._decoders = decoders
        self._own = own
        self._numbers = itertools.count(1)
        self._last = 0
        self.clicks = self.failed = 0

    def embeddings(self, embedding_mib: float) -> None:
        """Click on new images until all decoders are full."""
        images = self._decoders * self._own.cache_mib / embedding_mib
        # Not each decoder owns the same number of them.
        for _ in range(3):
            self._ask((next(self._numbers), (0.5, 0.5)) for _ in range(int(images * 0.6) + CLIENTS))
            time.sleep(_REPORTED_S)
            if self.kept().nbytes >= _FULL * self.kept().limit:
                return

    def answers(self) -> None:
        """Click at ever other places on the last images until as many answers are kept as may be."""
        wanted = int(1.3 * self._decoders * self._own.refine_mib / _ANSWER_MIB)
        dice = random.Random(0)
        recent = range(max(1, self._last - _RECENT), self._last + 1)
        self._ask((dice.choice(recent), (dice.random(), dice.random())) for _ in range(wanted))

    def kept(self) -> Kept:
        """What the decoders said last."""
        nbytes, limit = (total(self._app, f"ray_sam_memory_{name}") for name in ("bytes", "limit_bytes"))
        return Kept(nbytes, limit, self.clicks, self.failed)

    def _ask(self, clicks: Iterable[tuple[int, tuple[float, float]]]) -> None:
        def ask(click: tuple[int, tuple[float, float]]) -> bool:
            answer = client.post("/predict", json=request_of(click[0], SIZE, click[1]))
            return answer.is_success

        with client_of(self._app) as client, ThreadPoolExecutor(CLIENTS) as threads:
            asked = list(clicks)
            answered = list(threads.map(ask, asked))
        self._last = max(self._last, *(number for number, _ in asked))
        self.clicks += len(answered)
        self.failed += len(answered) - sum(answered)


@contextlib.contextmanager
def application(config: Mapping[str, Any], folder: Path) -> Iterator[RunningApp]:
    """The application of the config, with stand-in weights."""
    path = folder / "serve.yaml"
    path.write_text(yaml.safe_dump(dict(config)))
    [found] = config["applications"]
    model = found["args"]["model"]
    weights = checkpoints.write(model, folder / f"{model}.pt")
    with Studio(1, *SIZE, pictures=_PICTURES) as studio:
        env = {
            "LABEL_STUDIO_URL": studio.url, "IMAGE_HOSTS": "*", "MODEL": model, "CHECKPOINT": str(weights),
            "MODEL_DIR": str(folder), "WORKERS": str(found["args"]["workers"]),
        }  # fmt: skip
        with running_app(path, env, haproxy=True) as app:
            yield app


def run(cache_mib: int | None, folder: Path, shown: Console) -> dict[str, Any]:
    """Fill, measure, print; the figures."""
    config = configured(cache_mib)
    [found] = config["applications"]
    own = settings(found)
    counts = sizing.replicas(found, own, "max_replicas")
    content = large()
    with (
        Bar(4) as bar,
        Server(lambda exchange: exchange.say(200, content)) as host,
        application(config, folder) as app,
        Watch(app.process.pid) as watch,
    ):
        filling = Filling(app, counts["Decoder"], own)
        bar.begin(f"an image of {LARGE[0] * LARGE[1] / 1e6:.0f} megapixels")
        with client_of(app) as client:
            if not click_on(client, f"{host.url}/large.png", LARGE):
                raise RuntimeError("the click on the large image got no mask")
        bar.advance(1)
        bar.begin("embeddings")
        filling.embeddings(_embedding_mib(own))
        bar.advance(2)
        bar.begin("answers")
        filling.answers()
        time.sleep(_REPORTED_S)
        bar.advance(1)
        kept, now = filling.kept(), watch.now()
        measured = lines(found, now, watch.peaks())
    shown.print(machine.described(), markup=False)
    shown.print(table(measured, kept))
    return {
        "machine": machine.described(),
        "kept": asdict(kept),
        "lines": [asdict(each) for each in measured],
    }


def _embedding_mib(own: FileSettings) -> float:
    return float(MODELS[own.model].embedding_mib)


def table(measured: Sequence[Line], kept: Kept) -> Table:
    """Predicted beside measured, and the sum."""
    made = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, title="Memory with full caches, MiB", title_justify="left"
    )
    for heading in ("", "replicas", "predicted", "measured", "at most", "fits"):
        made.add_column(heading, justify="left" if not heading else "right")
    for each in [
        *measured,
        Line("all", 0, *(sum(column) for column in zip(*map(_sizes, measured), strict=True))),
    ]:
        fits = "[green]yes[/]" if each.fits else "[red]no[/]"
        sizes = (f"{size:.0f}" for size in _sizes(each))
        made.add_row(each.name, f"{each.replicas or ''}", *sizes, fits)
    made.caption = (
        f"The decoders keep {kept.nbytes / 2**20:.0f} of {kept.limit / 2**20:.0f} MiB of embeddings; "
        f"{kept.clicks} clicks, {kept.failed} of them failed. Pages that processes share are counted once; "
        "peaks of several processes are added up as if they came at once."
    )
    return made


def _sizes(line: Line) -> tuple[float, float, float]:
    return line.predicted, line.now, line.peak


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Memory of full caches beside what is booked for it.")
    parser.add_argument("--cache-mib", type=int, help="of each decoder; default: what the overlay says")
    parser.add_argument("--json", type=Path, help="file for the figures")
    asked = parser.parse_args()
    command.run(lambda folder: run(asked.cache_mib, folder, console()), asked.json)


if __name__ == "__main__":
    main()
