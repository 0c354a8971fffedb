from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.chaos.annotators import Click
from benchmarks.slow_images import Weather, fetching_mib, table, weather
from tests.benchmarks.printing import printed

CALM = weather("calm", [Click(0.0, 0.2, False, "right")] * 10, 300.0, (0, 0))


def of(*clicks: Click, memory_mib: float = 400.0) -> Weather:
    return weather("60 megapixels", clicks, memory_mib, (3, 2))


def test_clicks_are_told_in_figures() -> None:
    found = of(Click(0.0, 0.1, False, "right"), Click(0.0, 0.5, True, "right"), Click(0.0, 9.0, True, "504"))
    assert (found.clicks, found.lost, found.wrong) == (3, 1, 0)
    assert (found.p50_s, found.p99_s, found.new_p99_s) == (0.5, 0.5, 0.5)
    assert found.missed(CALM) == ["1 lost"]


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (of(Click(0.0, 0.1, False, "wrong")), "1 WRONG"),
        (of(Click(0.0, 0.7, False, "right")), "p99 0.70 s"),
        (of(Click(0.0, 0.1, False, "right"), memory_mib=501.0), "501 MiB"),
    ],
)
def test_each_goal_is_judged(found: Weather, missed: str) -> None:
    assert found.missed(CALM) == [missed]
    assert f"missed: {missed}" in " ".join(printed(table([CALM, found]), width=300).split())


def test_only_what_fetches_and_decodes_counts() -> None:
    with process("something else"):
        assert fetching_mib(os.getpid()) == 0.0
    with process("imaging.decoding_process"):
        assert fetching_mib(os.getpid()) > 0.0


@contextlib.contextmanager
def process(title: str) -> Iterator[None]:
    """A process of that name, which waits."""
    command = [sys.executable, "-c", "input()", title]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as waiting:
        yield
        waiting.communicate(b"\n")
