"""A whole warm click over HTTP against its own parts called bare: decode, resample, region.

The application runs as ``latency.py`` starts it, the bare parts in another process, with one thread
each and in turn, on the same click. The floor is a hop that does nothing (``floor.py``) in the same Ray.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.click.bare import STAGES, BareClicks, Stages, digest
from benchmarks.click.latency import Pictures, pictures, timed, with_floor
from segmenters.sam.segmenter import SegmentAnything
from testing.running_app import RunningApp, free_port, running_app

SIZE = (1152, 896)  # 1.03 megapixels, of another shape than the encoder's canvas
GOAL = 1.15

_WARM_UP = 5
# Replicas go on writing logs and metrics for a moment after an answer, on cores that the next call needs.
_SETTLE_S = 0.05


@dataclass(frozen=True, slots=True)
class WarmClick:
    """Milliseconds, all p50. ``bare`` and ``whole`` with their parts; ``floor``: the hop that does nothing.

    ``others``: of ``whole``, all but decode. ``same``: whether both gave the same masks, byte for byte.
    """

    bare: float
    whole: float
    others: float
    floor: float
    bare_stages: Stages
    whole_stages: Stages
    same: bool

    @property
    def ratio(self) -> float:
        """Whole / bare."""
        return self.whole / self.bare

    @property
    def own_ratio(self) -> float:
        """Whole / decode, resample and region inside of it."""
        return self.whole / sum(self.whole_stages[name] for name in STAGES)

    @property
    def reached(self) -> bool:
        """Whether both ratios are within the goal.

        On a busy machine Linux treats the bare process and the replicas differently, so either of the two may
        look better than it is.
        """
        return max(self.ratio, self.own_ratio) <= GOAL

    @property
    def without_floor(self) -> float:
        """Whole / bare if the hop took no time."""
        return (self.whole - self.floor) / self.bare


@dataclass(frozen=True, slots=True)
class Both:
    """The running application, and the bare parts in another process, which get the same request."""

    app: RunningApp
    bare: BareClicks
    client: httpx.Client
    body: dict[str, Any]

    def compared(self, clicks: int, after: Callable[[], None]) -> WarmClick:
        """``clicks`` of each kind in turn; ``after`` is called after every round."""
        for _ in range(_WARM_UP):
            _round(self)
        rounds = []
        for _ in range(clicks):
            rounds.append(_round(self))
            after()
        masks = self.bare.click()[1]
        answer = self.client.post("/predict", json=self.body).raise_for_status().json()
        bares, wholes, floors = zip(*rounds, strict=True)
        return summary(bares, wholes, floors, same=digest(answer["results"][0]["result"]) == masks)


@contextlib.contextmanager
def both(env: Mapping[str, str], size: tuple[int, int]) -> Iterator[Both]:
    """Both with the settings ``env``, and a click on a picture of ``size``, width and height."""
    port = free_port()
    with pictures(port, 1, *size) as [body], tempfile.TemporaryDirectory() as folder:
        request, image, config = (Path(folder) / name for name in ("click.json", "0.jpg", "serve.yaml"))
        request.write_text(json.dumps(body))
        image.write_bytes(Pictures.pictures["/0.jpg"])
        config.write_text(yaml.safe_dump(with_floor(instant=False)))
        env = {**env, "DEVICE": "cpu", "IMAGE_HOSTS": f"127.0.0.1:{port}"}
        with (
            BareClicks(env, request, image) as bare,
            running_app(config, env, haproxy=True) as app,
            httpx.Client(base_url=app.url, trust_env=False, timeout=120) as client,
        ):
            yield Both(app, bare, client, body)


def of(model: SegmentAnything) -> dict[str, str]:
    """The settings with which the application serves ``model``."""
    return {"MODEL": model.name, "CHECKPOINT": str(model.checkpoint.path), "MODEL_DIR": str(model.folder)}


def _round(asked: Both) -> tuple[Stages, Stages, float]:
    """One click bare, one whole, one hop that does nothing: milliseconds of each."""
    time.sleep(_SETTLE_S)
    bare_stages, _ = asked.bare.click()
    time.sleep(_SETTLE_S)
    whole, whole_stages = timed(asked.client, asked.body)
    time.sleep(_SETTLE_S)
    started = time.perf_counter()
    asked.client.post("/floor/predict", json=asked.body).raise_for_status()
    floor = (time.perf_counter() - started) * 1000
    return bare_stages, {**whole_stages, "http": whole - sum(whole_stages.values())}, floor


def summary(
    bares: Sequence[Stages], wholes: Sequence[Stages], floors: Sequence[float], *, same: bool
) -> WarmClick:
    """The medians of clicks' milliseconds by stage."""
    return WarmClick(
        statistics.median(sum(stages.values()) for stages in bares),
        statistics.median(sum(stages.values()) for stages in wholes),
        statistics.median(sum(stages.values()) - stages["decode"] for stages in wholes),
        statistics.median(floors),
        _medians(bares),
        _medians(wholes),
        same,
    )


def _medians(clicks: Sequence[Stages]) -> Stages:
    return {name: statistics.median(stages[name] for stages in clicks) for name in clicks[0]}
