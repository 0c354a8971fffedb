"""How late an event loop is."""

import asyncio
import time

import pytest

from deployments.pulse import Pulse


def test_one_pause_weighs_less_than_a_loop_that_is_always_late() -> None:
    once, always = Pulse(lambda: True), Pulse(lambda: True)
    for _ in range(50):
        once.felt(0.0)
        always.felt(0.2)
    once.felt(0.2)
    assert once.late_s < 0.12
    assert always.late_s == pytest.approx(0.2, rel=0.01)


def test_a_pause_is_forgotten() -> None:
    pulse = Pulse(lambda: True)
    pulse.felt(1.0)
    for _ in range(50):
        pulse.felt(0.0)
    assert pulse.late_s < 0.05


async def test_a_blocked_loop_is_late_and_nobody_looks_when_nobody_wants_to_know() -> None:
    wanted = [True, False]
    pulse = Pulse(lambda: wanted.pop(0))
    pulse.wake()
    pulse.wake()
    time.sleep(0.1)
    while len(wanted) == 2:
        await asyncio.sleep(0)
    assert pulse.late_s > 0
    while wanted:
        await asyncio.sleep(0.001)
    assert pulse.late_s == 0
