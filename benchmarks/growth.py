"""How the application grows: more encoders, more decoders, more images.

    python -m benchmarks.growth

Encoders take time but no CPU here (ENCODE_S seconds an image), as GPUs do, so that a small machine shows what
the graph itself costs. Four clients for each encoder make first clicks on ever new images; their throughput
is compared with a multiple of that of one encoder. Decoders answer at once: warm clicks are measured with one
replica and with four, from clients that pause (the same load for both) and from clients that do not (all that
the cores can do). Last comes the look-up of an embedding among 100 to 100,000 kept images.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.clients import SIZE, Clients, click, client_of
from embeddings.memory import MemoryTier
from imaging.identity import canonical, image_key
from imaging.options import ImageOptions
from serve_app.cli.console import console
from testing.project_server import Studio
from testing.running_app import ROOT, running_app
from values.embedding import Embedding
from values.image import ImageSource

GOALS = {"encoders": 0.9, "decoders": 0.98}
PAUSE_S = 0.1
ENCODE_S = 0.5
IMAGES = (100, 10_000, 100_000)


@dataclass(frozen=True)
class Load:
    """Clicks a second of ``clients`` with ``replicas``, how many failed, and how long the others took."""

    replicas: int
    clients: int
    clicks_s: float
    failed: int
    p50_ms: float
    p95_ms: float


def encoders(replicas: int, seconds: float) -> Load:
    """First clicks on ever new images."""
    numbers = count(1)
    return _load("Encoder", replicas, Clients(4 * replicas, seconds, lambda: next(numbers)), ENCODE_S)


def decoders(replicas: int, seconds: float, pause_s: float) -> Load:
    """Warm clicks on a few images, which spread over the replicas."""
    numbers = count(1)
    return _load("Decoder", replicas, Clients(8, seconds, lambda: next(numbers) % 16, pause_s), 0.0)


def look_up_us(images: int, repeats: int = 2000) -> float:
    """Microseconds to make an image's key and find its embedding among so many images."""
    options = ImageOptions(label_studio_url="http://label-studio:8080")
    tier = MemoryTier[Embedding](2**62)
    embedding = Embedding({"features": np.zeros(1, np.float32)}, "growth-1", 1, 1, 1, 1)
    for number in range(images):
        tier.put(_key(number, options), embedding)
    asked = [number * 7919 % images for number in range(repeats)]
    started = time.perf_counter()
    for number in asked:
        if tier.get(_key(number, options)) is None:
            raise AssertionError(number)
    return (time.perf_counter() - started) / repeats * 1e6


def _key(number: int, options: ImageOptions) -> str:
    source = ImageSource(f"/data/upload/1/{number}.jpg", project="1")
    return image_key(canonical(source, options))


def _load(deployment: str, replicas: int, clients: Clients, encode_s: float) -> Load:
    with Studio(1, *SIZE) as studio, tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        yaml.safe_dump(_config(deployment, replicas), config)
        env = {"LABEL_STUDIO_URL": studio.url, "ENCODE_S": str(encode_s)}
        with running_app(Path(config.name), env, haproxy=True) as app:
            with client_of(app) as client:
                for _ in range(2 * replicas if deployment == "Encoder" else 16):
                    click(client, clients.number())
            started = time.perf_counter()
            answered, failed = clients.annotate(app)
            clicks_s = len(answered) / (time.perf_counter() - started)
    if not answered:
        raise RuntimeError(f"with {replicas} replicas of {deployment} no click was answered")
    answered.sort()
    p95 = answered[int(0.95 * (len(answered) - 1))]
    return Load(replicas, clients.count, clicks_s, failed, statistics.median(answered), p95)


def _config(deployment: str, replicas: int) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    [application] = config["applications"]
    application["import_path"] = "benchmarks.session.slow_encoder:build"
    for each in application["deployments"]:
        if each["name"] == deployment:
            each.pop("autoscaling_config")
            each["num_replicas"] = replicas
            each["ray_actor_options"] = {"num_cpus": 0.05}
    return config


def table(what: str, loads: list[Load], goal: float | None, *, linear: bool) -> Table:
    """Loads side by side, each against the first one."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    share_of = "of linear" if linear else "of one"
    for heading in (what, "clients", "clicks/s", "failed", "p50 ms", "p95 ms", share_of, "goal"):
        made.add_column(heading, justify="left" if heading == "goal" else "right")
    for each in loads:
        share = each.clicks_s / loads[0].clicks_s / (each.replicas / loads[0].replicas if linear else 1)
        verdict = ""
        if goal is not None and each is not loads[0]:
            verdict = "reached" if share >= goal and not each.failed else "missed"
        numbers = (f"{each.replicas}", f"{each.clients}", f"{each.clicks_s:.1f}", f"{each.failed}")
        times = (f"{each.p50_ms:.0f}", f"{each.p95_ms:.0f}")
        made.add_row(*numbers, *times, f"{share:.2f}", verdict)
    return made


def run(encoding: list[int], decoding: list[int], seconds: float, shown: Console) -> dict[str, Any]:
    """Measure and print loads on these numbers of replicas, and look-ups; their figures."""
    with Bar(len(encoding) + 2 * len(decoding)) as bar:
        found = {
            "encoders": _loads(encoding, lambda replicas: encoders(replicas, seconds), bar),
            "decoders": _loads(decoding, lambda replicas: decoders(replicas, seconds, PAUSE_S), bar),
            "decoders, no pause": _loads(decoding, lambda replicas: decoders(replicas, seconds, 0), bar),
        }
    costs = {images: look_up_us(images) for images in IMAGES}
    shown.print(machine.described(), markup=False)
    for name, loads in found.items():
        if loads:
            shown.print(table(name, loads, GOALS.get(name), linear=name == "encoders"))
    for images, cost in costs.items():
        shown.print(f"a look-up among {images:7,} images: {cost:6.1f} us")
    loads_said = {name: [asdict(each) for each in loads] for name, loads in found.items()}
    return {"machine": machine.described(), **loads_said, "look_up_us": costs}


def _loads(replicas: list[int], measure: Callable[[int], Load], bar: Bar) -> list[Load]:
    loads = []
    for each in replicas:
        bar.begin(f"{each} replicas")
        loads.append(measure(each))
        bar.advance(1)
    return loads


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Throughput by replicas, and cost by images.")
    parser.add_argument("--encoders", type=int, nargs="*", default=[1, 2, 4, 8], help="replicas, in turn")
    parser.add_argument("--decoders", type=int, nargs="*", default=[1, 4], help="replicas, in turn")
    parser.add_argument("--seconds", type=float, default=20, help="of each load")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    command.run(lambda _: run(given.encoders, given.decoders, given.seconds, console()), given.json)


if __name__ == "__main__":
    main()
