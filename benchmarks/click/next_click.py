"""A next click as it is served, and as each was before: the same application twice in one Ray, in turn.

Served is from an image that was prepared after its first click, and with the cores that idle.

    python -m benchmarks.click.next_click --model mobile_sam

One annotator clicks on a picture of 2 megapixels that was clicked before, once on either application in turn;
then eight annotators without a pause, some seconds on either, in turn.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.click.latency import pictures, timed
from benchmarks.click.stages import SIZES, settings
from benchmarks.models.tables import judged
from segmenters.options import ModelOptions
from serve_app.cli.console import console
from testing.running_app import ROOT, free_port, running_app

SIDES = {"plain": "/plain", "served": ""}
"""Prefix of each application."""
GOAL, GOAL_OF_MANY = 1.3, 1.0
MANY = 8

_SETTLE_S = 0.05  # replicas go on writing logs and metrics for a moment after an answer


@dataclass(frozen=True, slots=True)
class Row:
    """So many ``annotators``: p50 and p95 in milliseconds, clicks a second, of either side."""

    annotators: int
    p50: dict[str, float]
    p95: dict[str, float]
    per_s: dict[str, float]

    @property
    def ratio(self) -> float:
        """How many times as fast a click is as it is served, by its median."""
        before, after = self.p50.values()
        return before / after


def config() -> dict[str, Any]:
    """configs/serve.yaml, with the application a second time whose decoder is plain."""
    written: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    plain = copy.deepcopy(written["applications"][0])
    path = "benchmarks.click.plain_decoder:build"
    plain |= {"name": "plain", "route_prefix": "/plain", "import_path": path}
    written["applications"].append(plain)
    for application in written["applications"]:
        for deployment in application["deployments"]:
            if deployment["name"] == "Decoder":  # one on either side, however many click
                deployment["autoscaling_config"]["max_replicas"] = 1
    return written


def one_annotator(url: str, body: Mapping[str, Any], clicks: int, bar: Bar) -> Row:
    """Clicks on either side in turn."""
    taken: dict[str, list[float]] = {side: [] for side in SIDES}
    with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
        for number in range(clicks + 1):
            for side, prefix in SIDES.items():
                time.sleep(_SETTLE_S)
                taken[side].append(timed(client, dict(body), prefix)[0])
            bar.advance(1 if number else 0)
    return row(1, {side: each[1:] for side, each in taken.items()}, None)


def many_annotators(url: str, bodies: Sequence[Mapping[str, Any]], seconds: float, bar: Bar) -> Row:
    """``MANY`` annotators without a pause on either side, twice in turn."""
    taken: dict[str, list[float]] = {side: [] for side in SIDES}
    for side, prefix in [*SIDES.items(), *reversed(SIDES.items())]:
        until = time.perf_counter() + seconds
        with ThreadPoolExecutor(MANY) as threads:
            done = threads.map(lambda body, of=prefix, end=until: _clicking(url, body, of, end), bodies)
            taken[side] += [each for clicks in done for each in clicks]
        bar.advance(seconds)
    return row(MANY, taken, 2 * seconds)


def row(annotators: int, taken: Mapping[str, Sequence[float]], seconds: float | None) -> Row:
    """The figures of either side's milliseconds. ``seconds``: how long they clicked, None for in turn."""
    return Row(
        annotators,
        {side: statistics.median(each) for side, each in taken.items()},
        {side: sorted(each)[int(0.95 * (len(each) - 1))] for side, each in taken.items()},
        {side: len(each) / (seconds or sum(each) / 1000) for side, each in taken.items()},
    )


def table(model: str, rows: Sequence[Row]) -> Table:
    """A line for each number of annotators and side."""
    made = Table(title=f"A next click, model {model}", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("annotators", "decoder", "p50 ms", "p95 ms", "clicks/s", "ratio of p50"):
        made.add_column(heading, justify="left" if heading == "decoder" else "right")
    for each in rows:
        goal = GOAL if each.annotators == 1 else GOAL_OF_MANY
        for side in SIDES:
            figures = (f"{each.p50[side]:.1f}", f"{each.p95[side]:.1f}", f"{each.per_s[side]:.1f}")
            last = side == list(SIDES)[-1]
            told = f"{each.ratio:.2f}, {judged(f'>= {goal:g}', each.ratio >= goal)}" if last else ""
            made.add_row(str(each.annotators), side, *figures, told, end_section=last)
    return made


def run(env: Mapping[str, str], clicks: int, seconds: float, shown: Console) -> dict[str, Any]:
    """Measured with the settings ``env`` and printed; the same figures as plain values."""
    port = free_port()
    with (
        pictures(port, MANY, *SIZES[2]) as bodies,
        tempfile.NamedTemporaryFile("w", suffix=".yaml") as file,
        Bar(clicks + 4 * seconds) as bar,
    ):
        yaml.safe_dump(config(), file)
        env = {**env, "DEVICE": "cpu", "IMAGE_HOSTS": f"127.0.0.1:{port}"}
        with running_app(Path(file.name), env, haproxy=True) as app:
            bar.begin("first clicks")
            with httpx.Client(base_url=app.url, trust_env=False, timeout=120) as client:
                for prefix in SIDES.values():
                    for body in bodies:
                        timed(client, body, prefix)
            bar.begin("one annotator")
            rows = [one_annotator(app.url, bodies[0], clicks, bar)]
            bar.begin(f"{MANY} annotators")
            rows.append(many_annotators(app.url, bodies, seconds, bar))
    shown.print(machine.described(), markup=False)
    shown.print(table(env["MODEL"], rows))
    return {"machine": machine.described(), "model": env["MODEL"], "rows": [asdict(each) for each in rows]}


def _clicking(url: str, body: Mapping[str, Any], prefix: str, until: float) -> list[float]:
    taken = []
    with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
        while time.perf_counter() < until:
            taken.append(timed(client, dict(body), prefix)[0])
    return taken


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="A next click as it is served, and plain.")
    parser.add_argument("--model", default="mobile_sam")
    parser.add_argument("--clicks", type=int, default=100, help="of one annotator, on either side")
    parser.add_argument("--seconds", type=float, default=15, help="of eight annotators, twice on either side")
    parser.add_argument("--checkpoints", type=Path, default=ModelOptions().model_dir, help="as MODEL_DIR")
    parser.add_argument("--keep", type=Path, help="folder that keeps stand-in weights for next time")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()

    def measure(folder: Path) -> object:
        env = settings(given.model, given.checkpoints, folder)
        return run(env, given.clicks, given.seconds, console())

    command.run(measure, given.json, given.keep)


if __name__ == "__main__":
    main()
