"""What breaks first: each part of the whole with the number of annotators at which it does, and a remedy."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from serve_app.capacity.costs import ANSWER_S, MODELS, Card
from serve_app.capacity.demand import CLICK_EVERY_S, Demand
from serve_app.capacity.plan import BUSY, CELL, Plan, one_core

LABEL_STUDIO_S = 0.04
"""Seconds for which a click holds a process of Label Studio besides the backend's own; assumed."""

STOCK_WORKERS = 8
"""Clicks that Label Studio's image passes on at once on four cores: two processes a core, one thread each."""

CONTROLLER = 10_000
"""Annotators of one cluster at which its one controller is busy with nothing but what routers report."""

_PROCESSES, _THREADS = 8, 8


class Limit(NamedTuple):
    """``part`` carries so many ``annotators``; the ``remedy`` is a clause."""

    annotators: int
    part: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.part} at about {round_down(self.annotators):,} annotators. {self.remedy}"


def limits(plan: Plan) -> list[Limit]:
    """Of one cell that is planned so, and of Label Studio as it comes; the first to break first."""
    whole = plan.cells * plan.annotators
    stock = label_studio(plan.model, STOCK_WORKERS)
    found = [
        Limit(stock, "Label Studio's own uwsgi", _of_uwsgi(max(whole, round_down(2 * stock)), plan.model)),
        Limit(
            plan.cells * plan.carried("decoders"),
            "the busiest decoder",
            f"Raise max_replicas of the Decoder: a core more for each {one_core(plan.model)} annotators.",
        ),
        Limit(plan.cells * plan.carried("ingresses"), "the ingress", "Raise `workers`."),
        Limit(plan.cells * plan.carried("fetchers"), "the fetchers", "Raise max_replicas of the Fetcher."),
        Limit(
            plan.cells * plan.carried("encoders"),
            "the encoders" if plan.card is Card.NONE else "the GPUs",
            "Raise max_replicas of the Encoder, and add what it runs on.",
        ),
        Limit(
            CONTROLLER,
            "Serve's one controller",
            f"Plan for more than {CELL:,} in cells: clusters of at most so many, each with its own projects,"
            " and a router in front (--router).",
        ),
    ]
    return sorted(found)


def first(plan: Plan) -> list[Limit]:
    """What breaks before so many annotators unless its remedy is taken, and what breaks next after them."""
    whole = plan.cells * plan.annotators
    found = limits(plan)
    before = [each for each in found if each.annotators <= whole]
    return before + found[len(before) :][:1]


def label_studio(model: str, workers: int) -> int:
    """Annotators whose clicks so many workers of Label Studio pass on: each is held for as long as a click
    takes, and is busy for 60 %."""
    return int(workers * BUSY / _held_s(model) * CLICK_EVERY_S)


def workers(annotators: int, model: str) -> int:
    """Workers of Label Studio that so many annotators need."""
    return ceil(Demand(annotators).clicks_s * _held_s(model) / BUSY)


def _of_uwsgi(annotators: int, model: str) -> str:
    needed = workers(annotators, model)
    replicas = ceil(needed / (_PROCESSES * _THREADS))
    threads = ceil(needed / (_PROCESSES * replicas))
    where = "" if replicas == 1 else f" on each of {replicas} of its machines"
    return (
        f"Each click in flight holds one of its workers; for {annotators:,} annotators set UWSGI_PROCESSES="
        f"{_PROCESSES} and UWSGI_NUMBER_OF_THREADS={threads}{where}."
    )


def _held_s(model: str) -> float:
    return MODELS[model].decode_s + ANSWER_S + LABEL_STUDIO_S


def round_down(number: int) -> int:
    """To two digits: more of them would say too much."""
    step: int = 10 ** max(0, len(str(number)) - 2)
    return number // step * step
