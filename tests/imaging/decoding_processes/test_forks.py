"""Slow decoding processes compute one at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imaging.decoding_processes.forks import TURN_S, SlowProcesses


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def children() -> Iterator[list[int]]:
    """Three processes that wait for their end."""
    processes = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(3)]
    yield [each.pid for each in processes]
    for each in processes:
        each.kill()
        each.communicate()


def test_one_computes_and_the_others_take_turns(children: list[int]) -> None:
    clock = Clock()
    slow = SlowProcesses(clock)
    first, second, third = children
    slow.add(first)
    assert slow.left_s() is None
    assert os.sched_getscheduler(first) == os.SCHED_IDLE
    slow.add(second)
    slow.add(third)
    _stopped(children, second, third)
    assert slow.left_s() == pytest.approx(TURN_S)
    slow.rotate()  # too early
    _stopped(children, second, third)
    for waiting in ({first, third}, {first, second}, {second, third}):
        clock.now += TURN_S
        slow.rotate()
        _stopped(children, *waiting)


@pytest.mark.slow
def test_the_end_of_the_one_that_computes_lets_the_next_one(children: list[int]) -> None:
    slow = SlowProcesses(Clock())
    first, second, third = children
    for each in children:
        slow.add(each)
    slow.remove(first)
    _stopped(children, third)
    slow.remove(third)  # which did not compute
    assert slow.left_s() is None
    slow.remove(third)
    os.kill(third, 9)
    _stopped([first, second])


def _stopped(children: list[int], *waiting: int) -> None:
    """Wait until these, and no others, are stopped."""
    until = time.monotonic() + 30
    while {child for child in children if _state(child) == "T"} != set(waiting):
        assert time.monotonic() < until, {child: _state(child) for child in children}
        os.sched_yield()


def _state(child: int) -> str:
    return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
