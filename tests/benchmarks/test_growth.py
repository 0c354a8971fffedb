from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.growth import Load, look_up_us, table
from tests.benchmarks.printing import printed


def verdicts(loads: list[Load], *, linear: bool) -> list[str]:
    lines = [line.split() for line in printed(table("encoders", loads, 0.9, linear=linear)).splitlines()]
    return [line[-1] for line in lines if line and line[0].isdigit()]


@pytest.mark.parametrize(
    ("linear", "clicks_s", "failed", "verdict"),
    [
        (True, 18.0, 0, "reached"),
        (True, 17.9, 0, "missed"),
        (True, 20.0, 1, "missed"),
        (False, 9.0, 0, "reached"),
        (False, 8.9, 0, "missed"),
    ],
)
def test_a_load_is_judged_against_the_first(linear: bool, clicks_s: float, failed: int, verdict: str) -> None:
    loads = [Load(1, 4, 10.0, 0, 5.0, 9.0), Load(2, 8, clicks_s, failed, 5.0, 9.0)]
    assert verdicts(loads, linear=linear)[1] == verdict


def test_without_a_goal_nothing_is_judged() -> None:
    load = Load(1, 4, 10.0, 0, 5.0, 9.0)
    shown = printed(table("decoders", [load, replace(load, replicas=4)], None, linear=False))
    assert "missed" not in shown
    assert "1.00" in shown


def test_every_image_of_a_project_is_found() -> None:
    assert look_up_us(1000, repeats=1000) > 0
