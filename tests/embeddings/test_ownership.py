"""Who owns which image while replicas die, come, and change their slots."""

from __future__ import annotations

import random
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from embeddings.ownership import REMEMBERED, REMEMBERED_S, Claim, Ownership, OwnershipHistory

KEYS = [f"{number:040x}" for number in range(500)]
UNKNOWN = float("inf")


def claims(slots: int, since: float = 0) -> list[Claim]:
    return [Claim(since, f"replica-{slot}", slot) for slot in range(slots)]


def owners(of: Ownership) -> dict[str, str | None]:
    return {key: of.owner(key) for key in KEYS}


def moved(before: Ownership, after: Ownership) -> float:
    old, new = owners(before), owners(after)
    return sum(old[key] != new[key] for key in KEYS) / len(KEYS)


@pytest.mark.slow
@settings(max_examples=25)
@given(st.integers(1, 16), st.data())
def test_the_replacement_of_a_dead_one_has_its_images_again(replicas: int, data: st.DataObject) -> None:
    before = claims(replicas)
    slot = data.draw(st.integers(0, replicas - 1))
    after = [*(each for each in before if each.slot != slot), Claim(9, "another", slot)]
    old, new = owners(Ownership(before)), owners(Ownership(after))
    assert all(new[key] == ("another" if old[key] == f"replica-{slot}" else old[key]) for key in KEYS)


@pytest.mark.slow
@settings(max_examples=25)
@given(st.integers(2, 16), st.data())
def test_when_one_dies_or_comes_its_share_moves_and_no_more(replicas: int, data: st.DataObject) -> None:
    whole = Ownership(claims(replicas))
    less = whole.without(f"replica-{data.draw(st.integers(0, replicas - 1))}")
    assert moved(whole, less) == moved(less, whole)
    share = len(KEYS) / replicas
    assert moved(whole, less) * len(KEYS) < share + 5 * share**0.5


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from([*range(4), None]), st.floats(0, 9)), max_size=8))
def test_whatever_is_claimed_everybody_names_the_same_owners(said: list[tuple[int | None, float]]) -> None:
    made = [Claim(since, f"replica-{number}", slot) for number, (slot, since) in enumerate(said)]
    shuffled = random.Random(1).sample(made, len(made))
    assert owners(Ownership(made)) == owners(Ownership(shuffled))
    assert set(owners(Ownership(made)).values()) - {None} == Ownership(made).replicas, "everybody has a share"


def test_of_two_in_one_slot_the_older_one_keeps_its_images() -> None:
    before = Ownership(claims(4))
    after = Ownership([*claims(4), Claim(1, "a-newer-one", 2)])
    assert 0.12 < moved(before, after) < 0.28
    assert {new for key, new in owners(after).items() if new != before.owner(key)} == {"a-newer-one"}


def test_replicas_without_slots_are_told_apart_by_name() -> None:
    without = [Claim(UNKNOWN, f"old-{number}") for number in range(3)]
    before, after = Ownership(without), Ownership([*without, Claim(1, "new", 0)])
    assert moved(before, after) < 0.35
    assert before.owner(KEYS[0]) in before.replicas


def test_nobody_owns_anything_where_there_is_nobody() -> None:
    assert Ownership().owner(KEYS[0]) is None
    assert OwnershipHistory().earlier(KEYS[0], "me") == []


class Watched:
    """A history with a clock of its own."""

    def __init__(self) -> None:
        self.time = 0.0
        self.history = OwnershipHistory(lambda: self.time)

    def told(self, made: list[Claim]) -> None:
        self.history.update(Ownership(made))

    def earlier(self, own: str) -> set[str]:
        """All who are asked about what ``own`` owns."""
        mine = [key for key in KEYS if self.history.now.owner(key) == own]
        return {each for key in mine for each in self.history.earlier(key, own)}


def test_a_replacement_asks_those_who_stood_in() -> None:
    replacement = Watched()
    replacement.told([each for each in claims(3) if each.slot != 1])
    between = replacement.history.now
    replacement.told([*(each for each in claims(3) if each.slot != 1), Claim(5, "new", 1)])
    for key in KEYS[:200]:
        if replacement.history.now.owner(key) == "new":
            assert replacement.history.earlier(key, "new") == [between.owner(key)]


def test_one_that_was_told_of_all_at_once_knows_where_the_images_were_without_it() -> None:
    added = Watched()
    added.told(claims(4))
    for key in KEYS[:200]:
        if added.history.now.owner(key) == "replica-3":
            assert added.history.earlier(key, "replica-3") == [Ownership(claims(3)).owner(key)]


def test_who_changed_its_slot_is_asked_about_the_images_of_the_old_one() -> None:
    watched = Watched()
    watched.told(claims(4))
    watched.told([each for each in claims(4) if each.slot != 1])
    before = watched.history.now
    compact = [each for each in claims(4) if each.slot not in (1, 3)]
    watched.told([*compact, Claim(0, "replica-3", 1)])
    changed = [key for key in KEYS if before.owner(key) == "replica-3" != watched.history.now.owner(key)]
    assert changed
    for key in changed:
        own = watched.history.now.owner(key)
        assert own is not None
        assert watched.history.earlier(key, own)[0] == "replica-3"


def test_nobody_who_is_gone_is_asked() -> None:
    watched = Watched()
    watched.told(claims(3))
    watched.told(claims(1))
    assert watched.earlier("replica-0") == set()


def test_after_an_hour_nobody_is_asked_any_more() -> None:
    watched = Watched()
    watched.told(claims(2))
    watched.told(claims(3))
    assert watched.earlier("replica-2")
    watched.time += REMEMBERED_S + 1
    assert watched.earlier("replica-2") == set()


def test_the_same_owners_told_again_are_no_change() -> None:
    watched = Watched()
    watched.told(claims(3)[:2])
    for _ in range(2 * REMEMBERED):
        watched.told(claims(3))
    watched.told(list(reversed(claims(3))))
    assert watched.earlier("replica-2") == {"replica-0", "replica-1"}


class Serving(RuleBasedStateMachine):
    """Serve's ranks: the lowest free one for who comes, and no gaps when all is quiet."""

    def __init__(self) -> None:
        super().__init__()
        self.names = (f"replica-{number}" for number in count())
        self.clock = count()
        self.ranks: dict[str, int] = {}
        self.since: dict[str, float] = {}
        self.before = Ownership()
        self.now = Ownership()
        self.come()

    def _told(self) -> None:
        self.before = self.now
        self.now = Ownership(Claim(self.since[name], name, rank) for name, rank in self.ranks.items())

    @rule()
    def come(self) -> None:
        name = next(self.names)
        taken = set(self.ranks.values())
        self.ranks[name] = next(rank for rank in count() if rank not in taken)
        self.since[name] = next(self.clock)
        self._told()

    @precondition(lambda self: len(self.ranks) > 1)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.ranks.pop(data.draw(st.sampled_from(sorted(self.ranks))))
        self._told()

    @rule()
    def close_gaps(self) -> None:
        ranks = range(len(self.ranks))
        free = sorted(set(ranks) - set(self.ranks.values()))
        for name in [name for name, rank in self.ranks.items() if rank not in ranks]:
            self.ranks[name] = free.pop(0)
        self.before = self.now = Ownership(
            Claim(self.since[name], name, rank) for name, rank in self.ranks.items()
        )

    @invariant()
    def one_share_moves_at_most(self) -> None:
        keys = KEYS[:200]
        changed = sum(self.before.owner(key) != self.now.owner(key) for key in keys)
        largest = max(len(self.before.replicas), len(self.now.replicas))
        if self.before.replicas and self.before.replicas != self.now.replicas:
            share = len(keys) / largest
            assert changed < share + 6 * share**0.5


TestServing = Serving.TestCase
TestServing.settings = settings(max_examples=12, stateful_step_count=12)
