from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finders.matches import likeness
from finders.projection import Fitting, Projection
from finders.queries import NOT_MEANT, Queries
from finders.search_index import BOXES, SearchIndex, different
from testing.found_things import FoundThings
from tests.finders.samples import EAST, NORTH, WEST, found_of
from values.found import Malformed

KEYS = [f"{number:040x}" for number in range(4)]
IMAGES = [found_of([EAST, NORTH]), found_of([]), found_of([WEST]), found_of([(0.8, 0.6)], scale=3, shift=0.5)]


def fitted(*founds: object) -> Projection:
    fitting = Fitting()
    for found in founds or IMAGES:
        fitting.add(found)  # type: ignore[arg-type]
    assert fitting.fitted is not None
    return fitting.fitted


@pytest.fixture(scope="module")
def projection() -> Projection:
    return fitted()


@pytest.fixture(scope="module")
def index(projection: Projection) -> SearchIndex:
    rows = [SearchIndex.of(key, 7, found, projection) for key, found in zip(KEYS, IMAGES, strict=True)]
    return SearchIndex.joined(rows)


def test_the_logits_are_those_of_the_boxes(index: SearchIndex, projection: Projection) -> None:
    logits = index.logits(Queries.of([EAST], [0]), projection)
    assert logits == pytest.approx([1, -np.inf, -1, (0.8 + 0.5) * 3], abs=0.02)


def test_of_several_the_best_counts(index: SearchIndex, projection: Projection) -> None:
    logits = index.logits(Queries.of([EAST, WEST], [0, 0]), projection)
    assert logits == pytest.approx([1, -np.inf, 1, (0.8 + 0.5) * 3], abs=0.02)


def test_what_is_not_meant_does_not_count(index: SearchIndex, projection: Projection) -> None:
    queries = Queries.of([NORTH, WEST, EAST], [0, NOT_MEANT, NOT_MEANT])
    assert index.logits(queries, projection) == pytest.approx([1, -np.inf, -np.inf, -np.inf], abs=0.02)


def test_it_is_kept_as_an_embedding(index: SearchIndex, projection: Projection) -> None:
    kept = index.as_embedding("test-search")
    assert {array.dtype.name for array in kept.arrays.values()} <= {"uint8", "uint16", "float16"}
    back = SearchIndex.from_embedding(kept)
    queries = Queries.of([NORTH], [0])
    assert back.logits(queries, projection).tolist() == index.logits(queries, projection).tolist()
    assert back.stamps.tolist() == [7, 7, 7, 7]
    assert back.keys.tobytes().hex() == "".join(KEYS)
    empty = SearchIndex.from_embedding(SearchIndex.empty(projection).as_embedding("test-search"))
    assert len(empty.logits(queries, projection)) == 0


@pytest.mark.parametrize("name", ["keys", "stamps", "counts", "numbers", "scale"])
def test_what_is_no_index_is_malformed(index: SearchIndex, name: str) -> None:
    kept = index.as_embedding("test-search")
    for wrong in (kept.arrays[name][:-1], np.zeros(3, np.float32), np.zeros((1, 1, 1), np.uint8)):
        with pytest.raises(Malformed):
            SearchIndex.from_embedding(replace(kept, arrays={**kept.arrays, name: wrong}))
    with pytest.raises(Malformed):
        SearchIndex.from_embedding(replace(kept, arrays={"boxes": kept.arrays["keys"]}))


def test_some_images_of_it(index: SearchIndex, projection: Projection) -> None:
    some = index.only(np.array([False, True, True, True]))
    assert some.logits(Queries.of([WEST], [0]), projection) == pytest.approx(
        [-np.inf, 1, (0.5 - 0.8) * 3], abs=0.02
    )


def test_another_projection_is_refused(index: SearchIndex) -> None:
    with pytest.raises(ValueError, match="another projection"):
        index.logits(Queries.of([EAST], [0]), fitted(found_of([(0.6, 0.8), WEST])))


def test_boxes_of_one_thing_take_one_place() -> None:
    same = [(0.1, 0.1, 0.5, 0.5), (0.1, 0.1, 0.5, 0.51), (0.1, 0.1, 0.5, 0.9), (0.1, 0.1, 0.49, 0.5)]
    assert different(np.array(same, np.float32)).tolist() == [0, 2]
    apart = np.array([(x / 100, 0, x / 100 + 0.005, 1) for x in range(90)], np.float32)
    assert different(apart).tolist() == list(range(BOXES))


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["example", "phrase"])
def test_the_best_of_many_images_are_near_the_front(asked: str) -> None:
    things = FoundThings()
    images = list(things.images(40))
    made = fitted(*images)
    index = SearchIndex.joined(
        [SearchIndex.of(f"{number:040x}", 0, found, made) for number, found in enumerate(images)]
    )
    queries = Queries.of([things.phrase(7) if asked == "phrase" else images[3].vectors[5]], [0])
    exact = [match.logit if (match := likeness(found, queries)) else 0.0 for found in images]
    best = set(np.argsort(exact)[-4:].tolist())
    assert best <= set(np.argsort(index.logits(queries, made))[-12:].tolist())
    assert index.counts.max() <= BOXES
