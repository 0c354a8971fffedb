"""The memory tier never holds more bytes than it may, and lets the least recently used go first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.memory import MemoryTier, held
from values.embedding import Embedding


def embedding(nbytes: int) -> Embedding:
    return Embedding({"features": np.zeros(nbytes, np.uint8)}, "fake-1", 10, 10, 10, 10)


def test_the_least_recently_used_leaves_first() -> None:
    tier = MemoryTier[Embedding](100)
    tier.put("a", embedding(40))
    tier.put("b", embedding(40))
    assert tier.get("a") is not None
    tier.put("c", embedding(40))
    assert ("a" in tier, "b" in tier, "c" in tier) == (True, False, True)


def test_the_most_recently_used_is_named_first_and_room_is_what_is_left() -> None:
    tier = MemoryTier[Embedding](100)
    for key in "abc":
        tier.put(key, embedding(30))
    tier.get("a")
    assert tier.recent() == ["a", "c", "b"]
    assert (tier.has_room(embedding(10)), tier.has_room(embedding(11))) == (True, False)


def test_an_embedding_larger_than_the_tier_is_not_kept_and_drives_nobody_out() -> None:
    tier = MemoryTier[Embedding](100)
    tier.put("a", embedding(40))
    tier.put("b", embedding(101))
    assert ("a" in tier, "b" in tier, tier.nbytes) == (True, False, 40)


def test_putting_again_replaces() -> None:
    tier = MemoryTier[Embedding](100)
    tier.put("a", embedding(40))
    tier.put("a", embedding(60))
    assert (len(tier), tier.nbytes) == (1, 60)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 120), st.booleans())))
def test_bytes_are_counted_exactly_and_stay_below_the_limit(steps: list[tuple[str, int, bool]]) -> None:
    tier = MemoryTier[Embedding](100)
    for key, nbytes, read in steps:
        if read:
            tier.get(key)
        else:
            tier.put(key, embedding(nbytes))
        kept = [tier.get(key) for key in "abcdef" if key in tier]
        assert tier.nbytes == sum(each.nbytes for each in kept if each is not None) <= 100


CANDIDATES = np.zeros((4, 5, 5), np.float32)


@pytest.mark.parametrize(
    ("array", "nbytes"),
    [
        (CANDIDATES, 400),
        (CANDIDATES[0], 400),
        (CANDIDATES[0].reshape(25)[3:], 400),
        (CANDIDATES[0].copy(), 100),
        (np.frombuffer(bytes(400), np.float32)[:1], 400),
        (np.frombuffer(memoryview(bytearray(400))[:40], np.float32), 400),
    ],
)
def test_a_view_holds_all_of_the_memory_it_looks_at(array: NDArray[np.float32], nbytes: int) -> None:
    assert held(array) == nbytes
    tier = MemoryTier[NDArray[np.float32]](nbytes - 1)
    tier.put("a", array)
    assert (len(tier), tier.nbytes) == (0, 0)


def test_memory_that_arrays_of_an_embedding_share_counts_once() -> None:
    halves = {"one": CANDIDATES[:2], "other": CANDIDATES[2:]}
    assert held(Embedding(halves, "fake-1", 10, 10, 10, 10)) == 400


def test_what_is_dropped_makes_room() -> None:
    tier = MemoryTier[Embedding](100)
    for key in ("a1", "a2", "b1"):
        tier.put(key, embedding(30))
    assert (tier.drop("b1"), tier.drop("b1"), tier.nbytes) == (True, False, 60)
    tier.put("b2", embedding(30))
    tier.drop_all("a")
    assert (len(tier), "b2" in tier, tier.nbytes) == (1, True, 30)
