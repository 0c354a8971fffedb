"""The simulation against the running application: the same clicks at the same times, predicted and measured.

What a click costs is measured with few clicks right before each load, since other work on the machine changes
it. Nothing is fitted to the loads that are predicted.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import random
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from benchmarks.capacity.simulation import Click, Costs, answered_in, every, one_machine, quantile_ms
from benchmarks.click.latency import pictures, timed
from benchmarks.overload.open_loop import Load, Outcome, offer, post
from embeddings.ownership import Claim, Ownership
from imaging.identity import canonical, image_key
from imaging.options import ImageOptions
from testing.running_app import ROOT, RunningApp, free_port, running_app
from values.cores import usable_cores
from values.image import ImageSource

GOAL = 0.3
"""So far may a prediction be from what is measured, as a share of it."""

IMAGES, SIZE = 24, (640, 480)
ALONE = 48
CALM_S, CALM_RATE = 15.0, 4.0
_PROC, _FIRST = Path("/proc"), "-10"
_SHUFFLED = 4096
_DECODER = ("decode", "resample", "region")


class Case(NamedTuple):
    """An application to check against. ``shares``: of what it could take at most, offered in turn.

    ``elsewhere``: whether its decodes take no core of this machine.
    """

    name: str
    import_path: str
    env: Mapping[str, str]
    decoders: int
    threads: int
    shares: Sequence[float]
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One load: milliseconds as they were predicted and measured. ``failed``: clicks without an answer."""

    case: str
    rate: float
    clicks: int
    failed: int
    predicted_p50: float
    measured_p50: float
    predicted_p99: float
    measured_p99: float

    @property
    def off(self) -> float:
        """The larger of both errors, as a share of what was measured."""
        pairs = ((self.predicted_p50, self.measured_p50), (self.predicted_p99, self.measured_p99))
        return max(abs(predicted / measured - 1) for predicted, measured in pairs)

    @property
    def reached(self) -> bool:
        """Whether both predictions are within the goal, and all clicks were answered."""
        return self.off <= GOAL and not self.failed


@dataclass(frozen=True, slots=True)
class Measured:
    """What clicks cost by request: samples of seconds in the decoder, and around it."""

    decode_s: Sequence[Sequence[float]]
    around_s: Sequence[float]

    def most_a_second(self, case: Case, cores: int) -> float:
        """Clicks after which either the decoders or the cores have nothing left."""
        decode_s = statistics.fmean(itertools.chain(*self.decode_s))
        if case.elsewhere:
            return case.decoders * case.threads / decode_s
        return cores / (decode_s + statistics.median(self.around_s))

    def drawn(self, number: int, chance: random.Random) -> Costs:
        """The costs of a click by the request ``number``."""
        return Costs(chance.choice(self.around_s), chance.choice(self.decode_s[number]))


def checked(case: Case, seconds: float, after: Callable[[str], None]) -> list[Row]:
    """A row for each share, each offered for so many seconds. ``after`` is told what was done."""
    port = free_port()
    with (
        pictures(port, IMAGES, *SIZE) as bodies,
        tempfile.NamedTemporaryFile("w", suffix=".yaml") as file,
    ):
        yaml.safe_dump(_config(case), file)
        env = {**case.env, "IMAGE_HOSTS": f"127.0.0.1:{port}", "THREADS": f"{case.threads}"}
        with running_app(Path(file.name), env, haproxy=True) as app:
            _put_first(app.process.pid, os.getpid())
            requests = [post("/predict", json.dumps(body).encode()) for body in bodies]
            rows = []
            for share in case.shares:
                costs = _costs(app, bodies, requests)
                after(f"{case.name}: alone")
                rate = share * costs.most_a_second(case, usable_cores())
                rows.append(_row(case, rate, seconds, app, costs, (bodies, requests)))
                after(f"{case.name}: {rate:.0f}/s")
            return rows


def _put_first(*processes: int) -> None:
    """Give the sessions of these processes the cores before other work on the machine, where that may be
    done: as root on Linux, which divides the cores among sessions. What is predicted is the application, not
    the others."""
    for process in processes:
        with contextlib.suppress(OSError):
            (_PROC / str(process) / "autogroup").write_text(_FIRST)


def _row(
    case: Case,
    rate: float,
    seconds: float,
    app: RunningApp,
    costs: Measured,
    sent: tuple[Sequence[dict[str, Any]], Sequence[bytes]],
) -> Row:
    bodies, requests = sent
    order = random.Random(1).choices(range(len(requests)), k=_SHUFFLED)
    predicted = predict(
        case, rate, seconds, costs, [owner(bodies[number], case.decoders) for number in order], order
    )
    offered = offer(
        Load(app.url, [requests[number] for number in order], seconds, rate=rate, health_rate=0.0)
    )
    answered = [each.seconds for each in offered.clicks if each.status == 200]
    return Row(
        case.name,
        rate,
        len(offered.clicks),
        len(offered.clicks) - len(answered),
        quantile_ms(predicted, 0.5),
        quantile_ms(answered, 0.5),
        quantile_ms(predicted, 0.99),
        quantile_ms(answered, 0.99),
    )


def predict(
    case: Case,
    rate: float,
    seconds: float,
    costs: Measured,
    owners: Sequence[int],
    order: Sequence[int],
) -> list[float]:
    """Seconds of each click that ``offer`` will send, before it sends any."""
    chance = random.Random(2)
    graph = one_machine(usable_cores(), case.decoders, case.threads, elsewhere=case.elsewhere)
    clicks = [
        Click(at, owners[place % len(owners)], costs.drawn(order[place % len(order)], chance))
        for place, at in enumerate(every(rate, seconds))
    ]
    return answered_in(graph, clicks)


def owner(body: Mapping[str, Any], decoders: int) -> int:
    """Which of the decoders owns the image of a request: as the application deals them out."""
    project = str(body.get("project", "")).partition(".")[0]
    source = ImageSource(body["tasks"][0]["data"]["image"], project=project)
    found = Ownership(Claim(0, f"{slot}", slot) for slot in range(decoders)).owner(
        image_key(canonical(source, ImageOptions()))
    )
    return int(found or 0)


def _costs(app: RunningApp, bodies: Sequence[dict[str, Any]], requests: Sequence[bytes]) -> Measured:
    with httpx.Client(base_url=app.url, trust_env=False, timeout=120) as client:
        for body in bodies:
            timed(client, body)  # encoded
        decode_s: list[list[float]] = [[] for _ in bodies]
        for place in range(max(ALONE, 3 * len(bodies))):
            number = place % len(bodies)
            stages = timed(client, bodies[number])[1]
            decode_s[number].append(sum(stages.get(name, 0.0) for name in _DECODER) / 1000)
    calm = offer(Load(app.url, requests, CALM_S, rate=CALM_RATE, health_rate=0.0)).clicks
    return Measured(decode_s, _around(calm, [statistics.median(each) for each in decode_s]))


def _around(calm: Sequence[Outcome], decode_s: Sequence[float]) -> list[float]:
    """Seconds of each click that nobody else disturbed besides its decode."""
    failed = sum(each.status != 200 for each in calm)
    if failed:
        raise RuntimeError(f"in calm, {failed} of {len(calm)} clicks fail")
    return [max(0.001, each.seconds - decode_s[each.number]) for each in calm]


def _config(case: Case) -> dict[str, Any]:
    """As many decoders as the case has from the beginning, so that none starts under load."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    [application] = config["applications"]
    application["import_path"] = case.import_path
    for each in application["deployments"]:
        if each["name"] == "Decoder":
            each.pop("autoscaling_config")
            each["num_replicas"] = case.decoders
            each["ray_actor_options"] = {"num_cpus": 0.05}
    return config


def worst(rows: Sequence[Row]) -> float:
    """The largest error of all."""
    return max((row.off for row in rows), default=math.nan)
