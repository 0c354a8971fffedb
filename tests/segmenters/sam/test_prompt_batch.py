from __future__ import annotations

import numpy as np

from segmenters.sam.prompt_batch import CHUNK, FEWEST, MOST_POINTS, Points, chunks


def points(count: int) -> Points:
    return np.zeros((count, 2), np.float32), np.zeros(count, np.float32)


def test_prompts_with_as_many_points_as_each_other_are_computed_together() -> None:
    asked = [points(2 + number % 2) for number in range(2 * FEWEST)]
    found = chunks(asked)
    assert sorted(number for chunk in found.values() for number in chunk) == [*range(2 * FEWEST)]
    assert all(number % 2 == first % 2 for first, chunk in found.items() for number in chunk)


def test_a_long_list_takes_no_more_than_its_chunks() -> None:
    found = chunks([points(2)] * 60)
    assert [number for chunk in found.values() for number in chunk] == list(range(60))
    assert max(map(len, found.values())) == CHUNK
    assert all(chunk[0] == first for first, chunk in found.items())


def test_what_is_not_worth_it_is_in_no_chunk() -> None:
    assert chunks([points(2)] * (FEWEST - 1)) == {}
    assert chunks([points(MOST_POINTS + 1)] * FEWEST) == {}
    assert chunks([None] * FEWEST) == {}
