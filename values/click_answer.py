"""What a decoder replica answers a click with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Region = dict[str, Any]
"""A result of Label Studio, ready for JSON but for ``value.rle``, which is a uint8 array."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """What a decoder replica tells with each answer.

    ``decoder``: which replica. ``wait_s``: seconds until a further click would be begun. ``interval_s``:
    seconds between two finished clicks while it is busy, at most a share of ``max_wait_s``. ``max_wait_s``:
    how long a click may wait here.
    """

    decoder: str
    wait_s: float
    interval_s: float
    max_wait_s: float


@dataclass(frozen=True, slots=True)
class ClickAnswer:
    """What became of one click.

    ``regions``: results for Label Studio. ``score``: mean of the masks' scores. ``warm``: the embedding was
    at hand. ``seconds``: wall time by stage. ``version``: of the model. ``queue``: how long it is by now.
    """

    regions: list[Region]
    score: float
    warm: bool
    seconds: dict[str, float]
    version: str
    queue: QueueState


@dataclass(frozen=True, slots=True)
class Busy:
    """The answer to a click that is refused. No exception: Serve would log a traceback for each."""

    queue: QueueState
