from __future__ import annotations

from benchmarks.many_prompts import ALONE, ALONE_CORES, GOAL_AT, TOGETHER, TOGETHER_CORES, Row, table
from tests.benchmarks.printing import printed


def row(prompts: int) -> Row:
    masks = {ALONE: 10.0, ALONE_CORES: 15.0, TOGETHER: 17.0, TOGETHER_CORES: 31.0}
    return Row("mobile_sam", "onnxruntime", prompts, masks, dict.fromkeys(masks, 50.0), 1e-5)


def test_ratios_are_to_single_calls_on_one_core() -> None:
    assert row(8).ratio == 1.7
    assert row(8).ratio_of_cores == 3.1


def test_the_aim_stands_at_its_number_of_prompts() -> None:
    shown = printed(table([row(8), row(GOAL_AT)]))
    lines = [line for line in shown.splitlines() if "mobile_sam" in line]
    assert ["aim" in line for line in lines] == [False, True]
    assert "17.0 (50 ms)" in shown
