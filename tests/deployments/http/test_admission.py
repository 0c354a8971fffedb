"""What the door knows of the decoders' queues."""

import pytest

from deployments.http.admission import CROWD, FORGET_S, LATE, UNREAD_S, Admission
from deployments.http.loop_lag import LoopLag
from values.click_answer import QueueState

MAX_WAIT_S = 1.5


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def state(wait_s: float, decoder: str = "a", interval_s: float = 0.1) -> QueueState:
    return QueueState(decoder, wait_s, interval_s, MAX_WAIT_S)


def clicks_let_in(admission: Admission, most: int = 1000) -> int:
    for count in range(most):
        if admission.is_closed():
            return count
        visit = admission.enter()
        visit.is_click()
    return most


def test_who_has_heard_nothing_lets_everybody_in() -> None:
    assert clicks_let_in(Admission(MAX_WAIT_S)) == 1000


def test_a_click_that_would_wait_too_long_is_not_let_in(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(state(1.4))
    assert not admission.is_closed()
    admission.heard(state(1.6))
    assert admission.is_closed()


def test_what_is_let_in_counts_before_any_decoder_has_told(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(state(0.05))
    assert clicks_let_in(admission) == 15


def test_clicks_that_come_to_no_decode_keep_nobody_out(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    for _ in range(200):
        visit = admission.enter()
        visit.is_click()
        visit.failed()
        visit.leave()
    admission.heard(state(0.05))
    assert clicks_let_in(admission) > 100
    for _ in range(200):
        admission.heard(state(0.05))
    assert clicks_let_in(admission) == 15


def test_a_queue_drains_a_second_a_second(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(state(5.0))
    clock.now += 3.0
    assert admission.is_closed()
    clock.now += 0.55
    assert clicks_let_in(admission) == 1
    clock.now += 0.5
    assert clicks_let_in(admission) == 5


def test_ten_times_the_load_gets_in_at_the_pace_of_the_decoder(clock: Clock) -> None:
    admission, let_in = Admission(MAX_WAIT_S, clock), 0
    admission.heard(state(0.0))
    for _ in range(1000):  # 100 a second, of which 10 can be answered
        clock.now += 0.01
        if not admission.is_closed():
            admission.enter().is_click()
            let_in += 1
    assert 100 <= let_in <= 120


def test_what_has_not_been_read_yet_counts_as_a_click_until_it_is_known_to_be_none(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(state(0.0))
    visits = [admission.enter() for _ in range(16)]
    assert admission.is_closed()
    for visit in visits:
        visit.leave()
    assert not admission.is_closed()
    assert admission.inside == 0


def test_a_click_is_counted_once(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(state(1.35))
    visit = admission.enter()
    visit.is_click()
    visit.leave()
    assert not admission.is_closed()
    assert admission.inside == 0


def test_requests_that_are_never_read_do_not_keep_the_door_closed(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(state(0.05))
    slow = [admission.enter() for _ in range(100)]
    assert admission.is_closed()
    clock.now += UNREAD_S + 0.01
    assert clicks_let_in(admission) == 15
    for visit in slow:
        visit.is_click()
    assert admission.is_closed()


def test_one_full_decoder_of_two_does_not_close_the_door(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(state(9.0, "a"))
    admission.heard(state(0.0, "b"))
    assert not admission.is_closed()
    admission.heard(state(9.0, "b"))
    assert admission.is_closed()


def test_two_decoders_take_twice_as_many(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(state(0.04, "a"))
    admission.heard(state(0.04, "b"))
    assert clicks_let_in(admission) == 30


def test_a_decoder_that_is_gone_does_not_hold_the_door_open(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(state(0.0, "gone"))
    clock.now += FORGET_S + 1
    admission.heard(state(9.0, "here"))
    admission.enter().is_click()
    assert admission.is_closed()


def test_a_new_limit_of_a_decoder_counts_at_once(clock: Clock) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    admission.heard(QueueState("a", 2.0, 0.1, 5.0))
    assert not admission.is_closed()
    admission.heard(QueueState("a", 2.0, 0.1, 1.0))
    assert admission.is_closed()


def test_a_late_event_loop_closes_the_door_when_a_crowd_makes_it_late(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    monkeypatch.setattr(LoopLag, "late_s", 2 * LATE * MAX_WAIT_S)
    visits = [admission.enter() for _ in range(CROWD - 1)]
    assert not admission.is_closed()
    visits.append(admission.enter())
    assert admission.is_closed()
    monkeypatch.setattr(LoopLag, "late_s", LATE * MAX_WAIT_S / 2)
    assert not admission.is_closed()


def test_those_who_wait_for_a_host_are_no_crowd(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    admission = Admission(MAX_WAIT_S, clock)
    monkeypatch.setattr(LoopLag, "late_s", 2 * LATE * MAX_WAIT_S)
    visits = [admission.enter() for _ in range(10 * CROWD)]
    clock.now += MAX_WAIT_S + 0.1
    assert not admission.is_closed()
    for _ in range(10 * CROWD):
        admission.enter().is_click()
    assert not admission.is_closed()
    visits += [admission.enter() for _ in range(CROWD)]
    assert admission.is_closed()
    visits.pop().leave()
    assert not admission.is_closed()
