"""Clicks on their way through the application, as queues: ingress, the decoder that owns the image, ingress.

An image's owner alone decodes its clicks, so those of a busy decoder wait although others are idle.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import NamedTuple

from benchmarks.capacity.cores import Clock, Cores, Threads
from serve_app.capacity.costs import ANSWER_S, HOP_S, INGRESS_S, MODELS
from serve_app.capacity.demand import CLICK_EVERY_S, IMAGE_EVERY_S
from serve_app.capacity.plan import Plan

WARM_UP_S = 5.0
"""Clicks that begin before are not counted: there is no queue yet."""


class Costs(NamedTuple):
    """Of one click: core seconds around the decode, half of them before it; seconds of the decode."""

    around_s: float
    decode_s: float


class Click(NamedTuple):
    """Begins ``at`` a second, on an image that the decoder ``owner`` owns."""

    at: float
    owner: int
    costs: Costs


@dataclass
class Graph:
    """What clicks pass: event loops on ``loops``, of which the least busy is taken; decoders with threads."""

    clock: Clock
    loops: Sequence[Cores]
    decoders: Sequence[Threads]

    def click(self, owner: int, costs: Costs, then: Callable[[], None]) -> None:
        """Pass it; ``then`` is called when it is answered."""
        loop = min(self.loops, key=lambda each: each.busy)
        half = costs.around_s / 2
        loop.work(half, lambda: self.decoders[owner].run(costs.decode_s, lambda: loop.work(half, then)))


def one_machine(cores: float, decoders: int, threads: int, *, elsewhere: bool) -> Graph:
    """All on the same cores; ``elsewhere``: but for decodes, whose threads have a core each."""
    clock = Clock()
    shared = Cores(clock, cores)
    return Graph(
        clock, [shared], [Threads(clock, threads, None if elsewhere else shared) for _ in range(decoders)]
    )


def cluster(ingresses: int, decoders: int, threads: int) -> Graph:
    """Each ingress has a core, and each decoder one for each of its threads."""
    clock = Clock()
    loops = [Cores(clock, 1) for _ in range(ingresses)]
    return Graph(clock, loops, [Threads(clock, threads, Cores(clock, threads)) for _ in range(decoders)])


def answered_in(graph: Graph, clicks: Sequence[Click]) -> list[float]:
    """Seconds that each of these clicks takes, in their order."""
    found = [0.0] * len(clicks)

    def begin(number: int, click: Click) -> None:
        def end() -> None:
            found[number] = graph.clock.now - click.at

        graph.click(click.owner, click.costs, end)

    for number, click in enumerate(clicks):
        graph.clock.at(click.at, partial(begin, number, click))
    graph.clock.run()
    return found


def annotators(plan: Plan, seconds: float, seed: int = 1) -> list[float]:
    """Seconds of each click of the annotators of one cell, who work for so long with warm images.

    Between an answer and the next click one thinks for a random time, so that a click comes every two
    seconds; each 25 seconds another image is opened, of another owner.
    """
    chance = random.Random(seed)
    graph = cluster(plan.ingresses, plan.decoders, plan.threads)
    found: list[float] = []
    for _ in range(plan.annotators):
        _Annotator(plan, graph, chance, seconds, found).begin()
    graph.clock.run()
    return found


class _Annotator:
    def __init__(
        self, plan: Plan, graph: Graph, chance: random.Random, seconds: float, found: list[float]
    ) -> None:
        self._plan = plan
        self._graph = graph
        self._chance = chance
        self._until = seconds
        self._found = found
        decode_s = MODELS[plan.model].decode_s + HOP_S
        self._costs = Costs(INGRESS_S, decode_s)
        # What takes no core: processes that wake, the network.
        self._rest_s = max(0.0, ANSWER_S - INGRESS_S - HOP_S)
        self._think_s = CLICK_EVERY_S - decode_s - ANSWER_S
        self._image_until = 0.0
        self._owner = 0

    def begin(self) -> None:
        """At some time of the first two seconds."""
        self._graph.clock.at(self._chance.uniform(0, CLICK_EVERY_S), self._click)

    def _click(self) -> None:
        started = self._graph.clock.now
        if started >= self._until:
            return
        if started >= self._image_until:
            self._owner = self._chance.randrange(self._plan.decoders)
            self._image_until = started + self._chance.expovariate(1 / IMAGE_EVERY_S)
        self._graph.click(self._owner, self._costs, lambda: self._answered(started))

    def _answered(self, started: float) -> None:
        now = self._graph.clock.now + self._rest_s
        if started >= WARM_UP_S:
            self._found.append(now - started)
        self._graph.clock.at(now + self._chance.expovariate(1 / self._think_s), self._click)


def quantile_ms(seconds: Sequence[float], part: float) -> float:
    """The quantile ``part``, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[max(0, ceil(part * len(ordered)) - 1)] * 1000


def every(rate: float, seconds: float, seed: int = 0) -> Iterator[float]:
    """Random times at so many a second, as people who know nothing of each other click."""
    chance, at = random.Random(seed), 0.0
    while at < seconds:
        yield at
        at += chance.expovariate(rate)
