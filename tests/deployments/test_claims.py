from __future__ import annotations

from deployments import claims
from deployments.claims import Claims


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_task_is_claimed_once_until_its_time_is_over() -> None:
    clock = Clock()
    taken = Claims(clock)
    assert taken.take("3", [1, 2], 10) == [1, 2]
    assert taken.take("3", [2, 3], 10) == [3]
    assert taken.take("4", [2], 10) == [2]
    clock.now += 10
    assert taken.take("3", [1, 2, 3], 10) == [1, 2, 3]


def test_a_claim_is_held_longer_or_given_back() -> None:
    clock = Clock()
    taken = Claims(clock)
    taken.take("3", [1, 2], 10)
    taken.hold("3", [1], 60)
    taken.hold("3", [2, 77], 0)
    clock.now += 30
    assert taken.take("3", [1, 2, 77], 10) == [2, 77]


def test_there_are_only_so_many() -> None:
    taken = Claims(Clock())
    taken.take("3", range(claims.MOST), 10)
    taken.take("4", [1, 2, 3], 10)
    assert taken.take("3", [2, 3], 10) == [2]
