from __future__ import annotations

import pytest

from benchmarks.click.stages import Row, table
from benchmarks.click.warm import WarmClick
from tests.benchmarks.printing import printed


def row(megapixels: int, others: float, *, same: bool = True) -> Row:
    stages = {"decode": 50.0, "region": others}
    return Row(megapixels, WarmClick(48.0, 50.0 + others, others, 5.0, {"decode": 47.0}, stages, same))


@pytest.mark.parametrize(
    ("megapixels", "others", "reached"), [(2, 9.9, True), (2, 10.1, False), (1, 99.0, None), (12, 1.0, None)]
)
def test_all_but_decode_is_judged_where_there_is_a_goal(
    megapixels: int, others: float, reached: bool | None
) -> None:
    assert row(megapixels, others).reached is reached


def test_the_table_has_a_column_for_each_size_and_says_when_masks_differ() -> None:
    shown = printed(table("clicks", [row(1, 7.0), row(2, 11.0)]))
    lines = {line.split("  ")[0].strip(): line.split()[-2:] for line in shown.splitlines() if line.strip()}
    assert lines["all but decode"] == ["7.0", "11.0"]
    assert lines["decode, bare"] == ["47.0", "47.0"]
    assert "missed" in lines["goal"]
    assert "DIFFERENT" not in shown
    assert "DIFFERENT" in printed(table("clicks", [row(1, 7.0), row(2, 11.0, same=False)]))
