from __future__ import annotations

import pytest

from net.pace import LEAST_BYTES_S, WINDOW_S, Pace
from values.errors import ImageTimeout


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_host_that_drips_is_named_with_its_rate() -> None:
    clock = Clock()
    pace = Pace("http://slow", clock)
    for _ in range(int(WINDOW_S) - 1):
        clock.now += 1
        pace.received(1)
    clock.now += 1
    with pytest.raises(ImageTimeout, match=r"http://slow sends less than 8 KiB a second"):
        pace.received(1)


def test_a_slow_line_and_a_pause_are_no_offence() -> None:
    clock = Clock()
    pace = Pace("http://slow", clock)
    for _ in range(100):
        clock.now += 1
        pace.received(LEAST_BYTES_S)
    pace.received(int(WINDOW_S) * LEAST_BYTES_S)
    clock.now += WINDOW_S
    pace.received(1)


def test_what_came_before_is_no_credit_for_later() -> None:
    clock = Clock()
    pace = Pace("http://slow", clock)
    clock.now += WINDOW_S
    pace.received(1000 * LEAST_BYTES_S)
    clock.now += WINDOW_S
    with pytest.raises(ImageTimeout):
        pace.received(1)
