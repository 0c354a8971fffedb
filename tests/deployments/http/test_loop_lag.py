"""How late an event loop is."""

import asyncio
import time

import pytest

from deployments.http.loop_lag import EVERY_S, LoopLag


@pytest.mark.slow
async def test_many_short_callbacks_make_a_loop_late() -> None:
    loop_lag, late = LoopLag(lambda: True), 0.0
    loop_lag.wake()

    async def hop() -> None:
        for _ in range(60):
            time.sleep(0.0005)
            await asyncio.sleep(0)

    hops = [asyncio.create_task(hop()) for _ in range(20)]  # each pass takes 10 ms
    while not all(each.done() for each in hops):
        late = max(late, loop_lag.late_s)
        await asyncio.sleep(0)
    assert late > 0.08
    while loop_lag.late_s >= 0.08:
        await asyncio.sleep(EVERY_S)


async def test_a_loop_that_is_blocked_is_late_before_the_next_beat() -> None:
    loop_lag = LoopLag(lambda: True)
    loop_lag.wake()
    time.sleep(EVERY_S + 0.1)
    assert loop_lag.late_s >= 0.1


async def test_nobody_looks_when_nobody_wants_to_know() -> None:
    wanted = [True, True, False]
    loop_lag = LoopLag(lambda: wanted.pop(0))
    assert loop_lag.late_s == 0
    loop_lag.wake()
    loop_lag.wake()
    while wanted:
        await asyncio.sleep(0.001)
    assert loop_lag.late_s == 0
