from __future__ import annotations

from collections import Counter

import pytest

from exports.splits import Splits


def test_the_proportion_is_met_and_every_task_stays() -> None:
    splits = Splits.of("train=80, val=10,test=10")
    parts = [splits.part(3, task) for task in range(10_000)]
    count = Counter(parts)
    assert count["train"] == pytest.approx(8000, rel=0.05)
    assert count["val"] == pytest.approx(1000, rel=0.15)
    assert Splits.of("train=8,val=1,test=1").part(3, 17) == parts[17]
    assert [splits.part(4, task) for task in range(10_000)] != parts


def test_without_a_split_there_is_one_part() -> None:
    assert Splits().names == ("",)
    assert Splits().part(1, 2) == ""


def test_a_part_of_all_takes_all() -> None:
    splits = Splits.of("all=0.1")
    assert {splits.part(1, task) for task in range(1000)} == {"all"}


@pytest.mark.parametrize("text", ["", "a", "a=", "a=-1", "a=nan", "a=1,a=2", "a/b=1", "=1", "a=1,,b=1"])
def test_what_is_no_split(text: str) -> None:
    with pytest.raises(ValueError, match=r"must look like|needs a number"):
        Splits.of(text)
