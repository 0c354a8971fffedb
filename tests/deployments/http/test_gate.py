"""What the door knows of the decoders' queues."""

import pytest

from deployments.http.gate import CROWD, FORGET_S, LATE, UNREAD_S, Gate
from deployments.http.pulse import Pulse
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


def clicks_let_in(gate: Gate, most: int = 1000) -> int:
    for count in range(most):
        if gate.is_closed():
            return count
        visit = gate.enter()
        visit.is_click()
    return most


def test_who_has_heard_nothing_lets_everybody_in() -> None:
    assert clicks_let_in(Gate(MAX_WAIT_S)) == 1000


def test_a_click_that_would_wait_too_long_is_not_let_in(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(state(1.4))
    assert not gate.is_closed()
    gate.heard(state(1.6))
    assert gate.is_closed()


def test_what_is_let_in_counts_before_any_decoder_has_told(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(state(0.05))
    assert clicks_let_in(gate) == 15


def test_clicks_that_come_to_no_decode_keep_nobody_out(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    for _ in range(200):
        visit = gate.enter()
        visit.is_click()
        visit.failed()
        visit.leave()
    gate.heard(state(0.05))
    assert clicks_let_in(gate) > 100
    for _ in range(200):
        gate.heard(state(0.05))
    assert clicks_let_in(gate) == 15


def test_a_queue_drains_a_second_a_second(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(state(5.0))
    clock.now += 3.0
    assert gate.is_closed()
    clock.now += 0.55
    assert clicks_let_in(gate) == 1
    clock.now += 0.5
    assert clicks_let_in(gate) == 5


def test_ten_times_the_load_gets_in_at_the_pace_of_the_decoder(clock: Clock) -> None:
    gate, let_in = Gate(MAX_WAIT_S, clock), 0
    gate.heard(state(0.0))
    for _ in range(1000):  # 100 a second, of which 10 can be answered
        clock.now += 0.01
        if not gate.is_closed():
            gate.enter().is_click()
            let_in += 1
    assert 100 <= let_in <= 120


def test_what_has_not_been_read_yet_counts_as_a_click_until_it_is_known_to_be_none(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(state(0.0))
    visits = [gate.enter() for _ in range(16)]
    assert gate.is_closed()
    for visit in visits:
        visit.leave()
    assert not gate.is_closed()
    assert gate.inside == 0


def test_a_click_is_counted_once(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(state(1.35))
    visit = gate.enter()
    visit.is_click()
    visit.leave()
    assert not gate.is_closed()
    assert gate.inside == 0


def test_requests_that_are_never_read_do_not_keep_the_door_closed(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(state(0.05))
    slow = [gate.enter() for _ in range(100)]
    assert gate.is_closed()
    clock.now += UNREAD_S + 0.01
    assert clicks_let_in(gate) == 15
    for visit in slow:
        visit.is_click()
    assert gate.is_closed()


def test_one_full_decoder_of_two_does_not_close_the_door(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(state(9.0, "a"))
    gate.heard(state(0.0, "b"))
    assert not gate.is_closed()
    gate.heard(state(9.0, "b"))
    assert gate.is_closed()


def test_two_decoders_take_twice_as_many(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(state(0.04, "a"))
    gate.heard(state(0.04, "b"))
    assert clicks_let_in(gate) == 30


def test_a_decoder_that_is_gone_does_not_hold_the_door_open(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(state(0.0, "gone"))
    clock.now += FORGET_S + 1
    gate.heard(state(9.0, "here"))
    gate.enter().is_click()
    assert gate.is_closed()


def test_a_new_limit_of_a_decoder_counts_at_once(clock: Clock) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    gate.heard(QueueState("a", 2.0, 0.1, 5.0))
    assert not gate.is_closed()
    gate.heard(QueueState("a", 2.0, 0.1, 1.0))
    assert gate.is_closed()


def test_a_late_event_loop_closes_the_door_when_a_crowd_makes_it_late(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    monkeypatch.setattr(Pulse, "late_s", 2 * LATE * MAX_WAIT_S)
    visits = [gate.enter() for _ in range(CROWD - 1)]
    assert not gate.is_closed()
    visits.append(gate.enter())
    assert gate.is_closed()
    monkeypatch.setattr(Pulse, "late_s", LATE * MAX_WAIT_S / 2)
    assert not gate.is_closed()


def test_those_who_wait_for_a_host_are_no_crowd(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(MAX_WAIT_S, clock)
    monkeypatch.setattr(Pulse, "late_s", 2 * LATE * MAX_WAIT_S)
    visits = [gate.enter() for _ in range(10 * CROWD)]
    clock.now += MAX_WAIT_S + 0.1
    assert not gate.is_closed()
    for _ in range(10 * CROWD):
        gate.enter().is_click()
    assert not gate.is_closed()
    visits += [gate.enter() for _ in range(CROWD)]
    assert gate.is_closed()
    visits.pop().leave()
    assert not gate.is_closed()
