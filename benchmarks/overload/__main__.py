"""Offers the application more clicks than it can answer, and reports what becomes of them.

    python -m benchmarks.overload                              with the classical model
    python -m benchmarks.overload --model mobile_sam           (stand-in weights, if there are none)
    python -m benchmarks.overload --model instant              decodes in no time: the ingress's own limit

First it measures the peak, with more and more clients that each wait for an answer before they click again.
Then it offers once, twice, five and ten times the peak, whether or not clicks are answered. Other work on the
machine moves the peak, so it is measured again before and after each load, and the load is compared with the
mean. The client shares the cores with the application and has priority; ten times the clicks take ten times
its CPU. So the peak is scaled to the cores that the client leaves.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.click.latency import pictures
from benchmarks.click.stages import settings
from benchmarks.overload.open_loop import Load, Offered, Outcome, offer, post
from segmenters.options import ModelOptions
from serve_app.cli.console import console
from testing.app_metrics import total
from testing.running_app import ROOT, RunningApp, free_port, running_app
from values.cores import usable_cores

CLIENTS = (2, 4, 8, 16, 32)
FACTORS = (1.0, 2.0, 5.0, 10.0)
IMAGES, SIZE = 8, (640, 480)
GOOD_S = 2.0
QUICK_S = 0.3
"""Seconds within which a click is quick. Twice the slowest click of calm weather also is."""
LEAVERS, LEAVE_S = 200, 0.05
REPORT_S = 15.0
GOALS = {"share": 0.9, "refused_p99_ms": 100.0, "health_p99_ms": 200.0, "quick_again_s": 2.0}


@dataclass(frozen=True, slots=True)
class Weather:
    """What became of ``factor`` times the peak.

    ``peak_s``: clicks a second of the peak, measured around the load and scaled to the cores that the client
    left.

    ``good_s``: clicks a second that were answered within GOOD_S; ``share``: of the peak. ``late``: answered
    later. ``refused``: with 503 and Retry-After. ``lost``: neither answered nor refused so. ``wrong``:
    answered with another mask than in calm.
    """

    factor: float
    offered_s: float
    peak_s: float
    good_s: float
    share: float
    answered_p50_ms: float
    answered_p99_ms: float
    late: int
    refused: int
    refused_p50_ms: float
    refused_p99_ms: float
    lost: int
    wrong: int
    health_p50_ms: float
    health_p99_ms: float
    health_max_ms: float
    health_failed: int
    quick_again_s: float
    client_cores: float

    @property
    def verdict(self) -> str:
        """In a few words."""
        return f"missed: {', '.join(self.missed)}" if self.missed else "reached"

    @property
    def line(self) -> str:
        """The figures that have goals, and the verdict."""
        return (
            f"{self.factor:g} x: {self.good_s:.1f}/s of {self.peak_s:.1f} within {GOOD_S:g} s, refused in "
            f"{self.refused_p99_ms:.0f} ms, /health {self.health_p99_ms:.0f} ms, quick after "
            f"{self.quick_again_s:.1f} s; {self.verdict}"
        )

    @property
    def missed(self) -> list[str]:
        """The limits that were missed, in words. Share and refusals are judged in overload alone."""
        overloaded = self.factor >= 2
        found = {
            f"{self.share:.0%} of peak": overloaded and self.share < GOALS["share"],
            f"refusals take {self.refused_p99_ms:.0f} ms": self.refused_p99_ms > GOALS["refused_p99_ms"],
            f"/health {self.health_p99_ms:.0f} ms": self.health_p99_ms >= GOALS["health_p99_ms"],
            f"{self.health_failed} of /health failed": self.health_failed > 0,
            f"quick after {self.quick_again_s:.1f} s": self.quick_again_s > GOALS["quick_again_s"],
            f"{self.lost} lost": self.lost > 0,
            f"{self.wrong} WRONG": self.wrong > 0,
        }
        return [words for words, missed in found.items() if missed]


def weather(factor: float, peak: float, offered: Offered, calm: Mapping[int, str | None]) -> Weather:
    """A load's outcomes in figures; ``calm``: the digest of each request's masks without load."""
    answered = [each for each in offered.clicks if each.status == 200]
    good = [each for each in answered if each.seconds <= GOOD_S]
    refused = [each for each in offered.clicks if each.status == 503 and each.retry_after]
    good_s = len(good) / offered.seconds
    return Weather(
        factor=factor,
        offered_s=len(offered.clicks) / offered.seconds,
        peak_s=peak,
        good_s=good_s,
        share=good_s / peak,
        answered_p50_ms=_ms(answered, 0.5),
        answered_p99_ms=_ms(answered, 0.99),
        late=len(answered) - len(good),
        refused=len(refused),
        refused_p50_ms=_ms(refused, 0.5),
        refused_p99_ms=_ms(refused, 0.99),
        lost=len(offered.clicks) - len(answered) - len(refused),
        wrong=sum(each.masks != calm[each.number] for each in answered),
        health_p50_ms=_ms(offered.health, 0.5),
        health_p99_ms=_ms(offered.health, 0.99),
        health_max_ms=_ms(offered.health, 1.0),
        health_failed=sum(each.status != 200 for each in offered.health),
        quick_again_s=offered.quick_again_s,
        client_cores=offered.client_cores,
    )


def _decoded(app: RunningApp) -> int:
    """Clicks that were decoded, once the number has stood still for as long as replicas take to report."""
    counted = -1
    while (now := int(total(app, "ray_sam_stage_seconds_count", stage="decode"))) != counted:
        counted = now
        time.sleep(REPORT_S)
    return counted


def _left(offered: Offered) -> float:
    """The cores that the client left to the application."""
    return usable_cores() - offered.client_cores


def _ms(outcomes: Sequence[Outcome], part: float) -> float:
    """The quantile ``part`` of their milliseconds; 0 without any."""
    ordered = sorted(each.seconds for each in outcomes)
    return ordered[math.ceil(part * len(ordered)) - 1] * 1000 if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """An application and the requests that are sent to it, for ``seconds`` at a time."""

    url: str
    requests: Sequence[bytes]
    seconds: float

    def calm(self) -> Offered:
        """One client, when every image has been encoded."""
        count = len(self.requests)
        first = offer(Load(self.url, self.requests, 0.1, clients=count, leave_s=90))
        alone = offer(Load(self.url, self.requests, self.seconds / 2, clients=1))
        if failed := sum(each.status != 200 for each in first.clicks + alone.clicks):
            raise RuntimeError(f"in calm, {failed} of {len(first.clicks + alone.clicks)} clicks fail")
        return alone

    def leave(self, app: RunningApp) -> int:
        """How many clicks are decoded of LEAVERS whose clients leave after LEAVE_S."""
        before = _decoded(app)
        offer(Load(self.url, self.requests, 0.0, clients=LEAVERS, leave_s=LEAVE_S, health_rate=0.0))
        return _decoded(app) - before

    def peak(self, clients: int) -> float:
        """Clicks a second that so many clients get, for each core that they leave."""
        full = offer(Load(self.url, self.requests, self.seconds / 4, clients=clients))
        return sum(each.status == 200 for each in full.clicks) / full.seconds / _left(full)

    def weather(self, factor: float, clients: int, alone: Offered) -> Weather:
        """What becomes of ``factor`` times the peak of so many ``clients``."""
        quick_s = max(QUICK_S, 2 * _ms(alone.clicks, 1.0) / 1000)
        before = self.peak(clients)
        rate = factor * before * usable_cores()
        offered = offer(Load(self.url, self.requests, self.seconds, rate=rate, quick_s=quick_s))
        peak = (before + self.peak(clients)) / 2 * _left(offered)
        return weather(factor, peak, offered, {each.number: each.masks for each in alone.clicks})


def measured(
    env: Mapping[str, str], config: dict[str, Any], factors: Sequence[float], seconds: float
) -> tuple[list[Weather], int]:
    """What becomes of so many times the peak, and how many clicks are decoded whose clients have left."""
    port = free_port()
    with (
        Bar(len(CLIENTS) + 2 * len(factors) + 2) as bar,
        pictures(port, IMAGES, *SIZE) as bodies,
        tempfile.NamedTemporaryFile("w", suffix=".yaml") as file,
    ):
        yaml.safe_dump(config, file)
        env = {**env, "IMAGE_HOSTS": f"127.0.0.1:{port}"}
        with running_app(Path(file.name), env, haproxy=True) as app:
            target = Target(
                app.url, [post("/predict", json.dumps(body).encode()) for body in bodies], seconds
            )
            bar.begin("calm")
            alone = target.calm()
            bar.advance(1)
            peaks = {}
            for count in CLIENTS:
                bar.begin(f"{count} clients")
                peaks[count] = target.peak(count)
                bar.advance(1)
            clients = max(peaks, key=lambda count: peaks[count])
            rows = []
            for factor in factors:
                bar.begin(f"{factor:g} x what {clients} clients get")
                rows.append(target.weather(factor, clients, alone))
                bar.advance(2)
                bar.begin(rows[-1].line)
            bar.begin(f"{LEAVERS} clients that leave after {LEAVE_S:g} s")
            return rows, target.leave(app)


def table(title: str, rows: Sequence[Weather]) -> Table:
    """A line for each load, with its verdict."""
    made = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False)
    headings = ["offered", "clicks/s", "peak", "within 2 s", "of peak", "p50 / p99 ms", "late", "refused"]
    headings += [
        "in p50 / p99 ms",
        "lost",
        "wrong",
        "/health p50 / p99 / max ms",
        "quick after",
        "client's cores",
        "verdict",
    ]
    for heading in headings:
        made.add_column(heading, justify="left" if heading == "verdict" else "right")
    for each in rows:
        made.add_row(
            f"{each.factor:g} x",
            f"{each.offered_s:.0f}",
            f"{each.peak_s:.1f}",
            f"{each.good_s:.1f}",
            f"{each.share:.0%}",
            f"{each.answered_p50_ms:.0f} / {each.answered_p99_ms:.0f}",
            f"{each.late}",
            f"{each.refused}",
            f"{each.refused_p50_ms:.0f} / {each.refused_p99_ms:.0f}",
            f"{each.lost}",
            f"{each.wrong}",
            f"{each.health_p50_ms:.0f} / {each.health_p99_ms:.0f} / {each.health_max_ms:.0f}",
            f"{each.quick_again_s:.1f} s",
            f"{each.client_cores:.2f}",
            f"[{'red' if each.missed else 'green'}]{each.verdict}[/]",
        )
    return made


def run(model: str, factors: Sequence[float], seconds: float, folder: Path, shown: Console) -> dict[str, Any]:
    """Measure, print, and give the figures."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    env: Mapping[str, str] = {}
    if model == "instant":
        config["applications"][0]["import_path"] = "testing.instant:build"
    else:
        env = settings(model, ModelOptions().model_dir, folder)
    rows, decoded = measured(env, config, factors, seconds)
    shown.print(machine.described(), markup=False)
    shown.print(table(f"Clicks offered, whatever becomes of them: {model}", rows))
    shown.print(f"{LEAVERS} clients at once that leave after {LEAVE_S:g} s: {decoded} clicks are decoded")
    loads = [asdict(row) for row in rows]
    return {"machine": machine.described(), "model": model, "loads": loads, "decoded_for_leavers": decoded}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="More clicks than can be answered.")
    parser.add_argument("--model", default="classical", help="its name, or `instant`")
    parser.add_argument("--factors", type=float, nargs="+", default=FACTORS, help="times the peak")
    parser.add_argument("--seconds", type=float, default=20.0, help="for which each load is offered")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    command.run(lambda folder: run(given.model, given.factors, given.seconds, folder, console()), given.json)


if __name__ == "__main__":
    main()
