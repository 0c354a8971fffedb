"""Decoders and fetchers grow with what they decode, and with nothing else."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field

import pytest
from ray import cloudpickle

from deployments import scaling
from deployments.scaling import BUSY, ENDLESS, LOAD, ROOM, by_clicks_in_decode, by_images_in_decode, room


@dataclass
class Reported:
    """What Serve's AutoscalingContext has of it. ``loads``: one of each replica that has reported."""

    loads: list[float]
    current_num_replicas: int
    target_num_replicas: int
    total_num_requests: float = 0
    room: float = ENDLESS
    aggregated_metrics: dict[str, dict[int, float]] | None = field(init=False)

    def __post_init__(self) -> None:
        rooms = dict.fromkeys(range(len(self.loads)), self.room)
        reported = {LOAD: dict(enumerate(self.loads)), ROOM: rooms}
        self.aggregated_metrics = reported if self.loads else None


def wanted(loads: list[float], now: int, target: int | None = None, waiting: float = 0) -> float:
    reported = Reported(loads, now, target or now, waiting)
    count, remembered = by_clicks_in_decode(reported)
    assert (count, remembered) == by_images_in_decode(reported)
    assert remembered == {}
    return count


@pytest.mark.parametrize(
    ("loads", "replicas"),
    [([0.0], 1), ([BUSY], 1), ([3 * BUSY], 3), ([BUSY, BUSY, 0.0, 0.0], 2), ([2 * BUSY, 2 * BUSY], 4)],
)
def test_each_replica_becomes_as_busy_as_it_should_be(loads: list[float], replicas: int) -> None:
    assert wanted(loads, len(loads)) == pytest.approx(replicas)


def test_clicks_that_wait_for_an_encoder_do_not_count() -> None:
    assert wanted([0.1], 1, waiting=200) == 1


def test_a_replica_that_has_not_reported_yet_is_not_given_up() -> None:
    assert wanted([], 4) == 4
    assert wanted([0.1, 0.1], 4) == 4


def test_one_that_starts_does_not_ask_for_more_of_them() -> None:
    assert wanted([1.5 * BUSY], 2, target=2) == 2


@pytest.mark.parametrize(("loads", "room", "replicas"), [([20.0], 1, 1), ([20.0], 2, 2), ([9.0, 9.0], 2, 2)])
def test_more_than_the_cores_can_feed_are_not_wanted(loads: list[float], room: float, replicas: int) -> None:
    count, _ = by_clicks_in_decode(Reported(loads, len(loads), len(loads), room=room))
    assert count == replicas


@pytest.mark.parametrize(("threads", "cores", "replicas"), [(2, 2, 1), (2, 8, 4), (4, 2, 1), (2, 3, 1)])
def test_on_one_machine_the_cores_are_counted(threads: int, cores: int, replicas: float) -> None:
    assert room(threads, cores, one_machine=True) == replicas
    assert room(threads, cores, one_machine=False) == ENDLESS


def test_the_controller_runs_it_without_this_project() -> None:
    cloudpickle.register_pickle_by_value(scaling)
    try:
        pickled = cloudpickle.dumps(by_clicks_in_decode)
    finally:
        cloudpickle.unregister_pickle_by_value(scaling)
    assert pickle.loads(pickled)(Reported([3 * BUSY], 1, 1))[0] == pytest.approx(3)
    assert b"deployments.decoder" not in pickled
