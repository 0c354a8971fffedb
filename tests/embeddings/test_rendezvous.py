"""Rendezvous hashing: even shares, and nothing moves that need not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.rendezvous import Rendezvous

KEYS = [f"{number:040x}" for number in range(600)]
PLACES = st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=12, unique=True)


def owners(places: list[str]) -> list[str | None]:
    by_place = Rendezvous(places)
    return [by_place.first(key) for key in KEYS]


def test_where_there_is_no_place_nothing_belongs_to_one() -> None:
    assert Rendezvous([]).first(KEYS[0]) is None


def test_the_places_of_some_keys_in_whatever_process_and_version() -> None:
    by_place = Rendezvous(["slot 0", "slot 1", "slot 2", "slot 3"])
    assert "".join((by_place.first(key) or "")[-1] for key in KEYS[:20]) == "01312221012010003131"


@pytest.mark.slow
@settings(max_examples=15)
@given(PLACES)
def test_the_order_of_the_places_does_not_matter(places: list[str]) -> None:
    shuffled = sorted(places, key=lambda place: place[::-1])
    assert owners(places) == owners(shuffled)


@pytest.mark.slow
@settings(max_examples=25)
@given(PLACES)
def test_shares_differ_only_by_chance(places: list[str]) -> None:
    found = owners(places)
    share = len(KEYS) / len(places)
    for place in places:
        assert abs(found.count(place) - share) < 6 * math.sqrt(share) + 1


@pytest.mark.slow
@settings(max_examples=25)
@given(PLACES, st.data())
def test_a_place_that_goes_leaves_its_keys_to_the_others_and_no_other_key_moves(
    places: list[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(places))
    before, after = owners(places), owners([place for place in places if place != gone])
    moved = {old for old, new in zip(before, after, strict=True) if old != new}
    assert moved <= {gone}
    heirs = {new for old, new in zip(before, after, strict=True) if old == gone}
    if 2 < len(places) < 8:
        assert heirs == set(places) - {gone}, "no single one has to take it all"
