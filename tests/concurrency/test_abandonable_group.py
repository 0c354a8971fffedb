from __future__ import annotations

import threading

import pytest

from concurrency import abandonable
from concurrency.abandonable import AbandonableGroup

LONG_S = 60  # only a broken group waits so long


class Work:
    """Things that are worked on until they are let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.done: list[int] = []

    def __call__(self, thing: int) -> None:
        self.begun.release()
        assert self.go.acquire(timeout=LONG_S)
        self.done.append(thing)

    def wait_for(self, count: int) -> None:
        """Until so many things more are begun."""
        for _ in range(count):
            assert self.begun.acquire(timeout=LONG_S)

    def let_go(self, count: int) -> None:
        self.go.release(count)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def stopped() -> threading.Event:
    return threading.Event()


def _say_nothing(under_way: int) -> None:
    """Nobody listens."""


def test_nothing_is_taken_before_there_is_room(
    work: Work, stopped: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    group, full = AbandonableGroup(2, work, "testing", stopped, _say_nothing), threading.Event()
    wait = group._changed.wait

    def things() -> None:
        with group:
            for thing in range(5):
                taken.append(thing)
                group.give(thing)
            group.finish()

    def waiting(timeout: float | None = None) -> bool:
        full.set()
        return wait(timeout)

    monkeypatch.setattr(group._changed, "wait", waiting)
    giving = threading.Thread(target=things)
    giving.start()
    assert full.wait(LONG_S)
    # The third is held, in `give`; nothing behind it is asked for.
    assert taken == [0, 1, 2]
    work.let_go(5)
    giving.join(LONG_S)
    assert sorted(work.done) == [0, 1, 2, 3, 4]
    assert not stopped.is_set()


def test_what_work_raises_is_raised_where_things_are_given(stopped: threading.Event) -> None:
    def fail(thing: int) -> None:
        raise LookupError(thing)

    def give_for_ever() -> None:
        with AbandonableGroup(1, fail, "testing", stopped, _say_nothing) as group:
            while True:
                group.give(7)

    with pytest.raises(LookupError, match="7"):
        give_for_ever()
    assert stopped.is_set()


def test_what_the_last_work_raises_is_not_lost(stopped: threading.Event) -> None:
    def fail(thing: int) -> None:
        raise LookupError(thing)

    def give_one() -> None:
        with AbandonableGroup(1, fail, "testing", stopped, _say_nothing) as group:
            group.give(7)
            group.finish()

    with pytest.raises(LookupError):
        give_one()


def _interrupt(group: AbandonableGroup[int], work: Work) -> None:
    group.give(1)
    group.give(2)
    work.wait_for(2)
    raise KeyboardInterrupt


def test_ctrl_c_waits_for_what_is_under_way(work: Work, stopped: threading.Event) -> None:
    told: list[int] = []

    def stopping(under_way: int) -> None:
        assert stopped.is_set()
        told.append(under_way)
        work.let_go(2)

    with pytest.raises(KeyboardInterrupt), AbandonableGroup(3, work, "testing", stopped, stopping) as group:
        _interrupt(group, work)
    assert (told, sorted(work.done)) == ([2], [1, 2])


def test_what_takes_too_long_is_left_behind(
    work: Work, stopped: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abandonable, "GRACE_S", 0.0)
    with (
        pytest.raises(KeyboardInterrupt),
        AbandonableGroup(3, work, "testing", stopped, _say_nothing) as group,
    ):
        _interrupt(group, work)
    assert work.done == []
    work.let_go(2)


def test_a_failure_waits_for_the_others_without_a_word(work: Work, stopped: threading.Event) -> None:
    told: list[int] = []

    def fail_with_one_under_way() -> None:
        with AbandonableGroup(1, work, "testing", stopped, told.append) as group:
            group.give(1)
            work.let_go(1)
            raise LookupError

    with pytest.raises(LookupError):
        fail_with_one_under_way()
    assert (told, work.done, stopped.is_set()) == ([], [1], True)


def test_a_second_ctrl_c_waits_for_nobody(
    work: Work, stopped: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abandonable, "GRACE_S", LONG_S)

    def again(under_way: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), AbandonableGroup(2, work, "testing", stopped, again) as group:
        _interrupt(group, work)
    assert work.done == []
    work.let_go(2)


def test_what_gets_no_thread_is_not_under_way(
    work: Work, stopped: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(abandonable, "GRACE_S", 0.0)
    monkeypatch.setattr(threading.Thread, "start", refuse)

    def interrupted() -> None:
        with AbandonableGroup(1, work, "testing", stopped, told.append) as group:
            with pytest.raises(RuntimeError, match="new thread"):
                group.give(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert told == []
