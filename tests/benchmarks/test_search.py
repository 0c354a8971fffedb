from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.search import Row, measure, table
from testing.found_things import FoundThings
from tests.benchmarks.printing import printed


@pytest.mark.slow
def test_a_small_project_is_searched_as_a_large_one(tmp_path: Path) -> None:
    things = FoundThings(dimensions=32, kinds=8, things=2)
    [few, words, more, more_words] = measure("as networks", things, 24, (2, 6), tmp_path)
    assert (few.top, more.top, few.images) == (2, 6, 24)
    assert [each.asked for each in (few, words, more, more_words)] == ["examples", "words"] * 2
    assert more.recall == more.least == more_words.recall == 1
    assert 8 <= few.closely <= 16
    assert more.closely == 24
    assert 0 < few.by_index <= 1
    assert few.mib > 0


def test_each_project_has_a_line() -> None:
    row = Row("flat", "words", 10_000, 50, 300.0, 70.4, 43.21, 1.234, 1.5, 0.5, 0.9, 0.8, 400.0)
    [line] = [line for line in printed(table([row])).splitlines() if "flat" in line]
    assert " ".join(line.split()) == "flat words 10,000 50 43.2 70 1.23 1.50 0.500 0.900 0.80 400"
