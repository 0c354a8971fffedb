from __future__ import annotations

import os

import pytest

from benchmarks.slow_images import Weather, fetches, table, weather
from testing import processes
from testing.annotating.annotators import Click
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


@pytest.mark.parametrize(
    ("line", "does"),
    [
        ("ray::ServeReplica:segment-anything:Fetcher", True),
        ("/venv/bin/python -m imaging.decoding_processes.process 73", True),
        ("ray::ServeReplica:segment-anything:Decoder", False),
        ("/venv/bin/python -m benchmarks.slow_images", False),
    ],
)
def test_only_what_fetches_and_decodes_counts(line: str, does: bool) -> None:
    assert fetches(line.split()) == does


def test_a_process_has_its_share_of_memory() -> None:
    own = os.getpid()
    assert 1 < processes.share_of(own) <= processes.memory_of(own).now
