"""The simulation against what queueing theory knows, and the verdicts of its check."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from benchmarks.capacity.__main__ import CHECKED, SHARES, cases, simulated, table
from benchmarks.capacity.check import GOAL, IMAGES, Case, Measured, Row, owner, predict, worst
from benchmarks.capacity.cores import Clock, Cores, Threads
from benchmarks.capacity.simulation import (
    WARM_UP_S,
    Click,
    Costs,
    annotators,
    answered_in,
    cluster,
    every,
    one_machine,
    quantile_ms,
)
from serve_app.capacity.costs import ANSWER_S, MODELS, Card
from serve_app.capacity.plan import plan
from testing.label_studio_requests import predict_body
from tests.benchmarks.printing import printed

SLOW = Case("slow", "nothing:build", {}, 2, 2, (1.0,), elsewhere=True)


def random_clicks(rate: float, mean_s: float, seconds: float) -> list[Click]:
    chance = random.Random(7)
    return [Click(at, 0, Costs(0.0, chance.expovariate(1 / mean_s))) for at in every(rate, seconds)]


def test_one_core_shared_in_equal_parts_takes_what_theory_says() -> None:
    """M/M/1, where sharing and waiting take the same: 1 / (rate of service - rate of arrivals)."""
    shared = answered_in(one_machine(1, 1, 99, elsewhere=False), random_clicks(6, 0.1, 800))
    waiting = answered_in(one_machine(1, 1, 1, elsewhere=True), random_clicks(6, 0.1, 800))
    for found in (shared, waiting):
        assert fmean(found) == pytest.approx(1 / (10 - 6), rel=0.1)


def test_two_threads_take_what_theory_says() -> None:
    """M/M/2 at 60 %: the mean is that of a decode over 1 - .6 ** 2."""
    found = answered_in(cluster(1, 1, 2), random_clicks(12, 0.1, 400))
    assert fmean(found) == pytest.approx(0.1 / (1 - 0.6**2), rel=0.1)


def test_cores_are_shared_and_event_loops_come_first() -> None:
    clock = Clock()
    cores = Cores(clock, 2)
    ended: dict[str, float] = {}

    def end(name: str) -> None:
        ended[name] = clock.now

    for name in ("a", "b", "c", "d"):
        cores.work(1.0, lambda name=name: end(name), decode=True)  # type: ignore[misc]
    clock.at(1.0, lambda: cores.work(0.5, lambda: end("loop")))
    clock.run()
    assert ended["loop"] == pytest.approx(1.5)
    # Each had half a core, a quarter for half a second, and half a core again.
    assert [ended[name] for name in "abcd"] == pytest.approx([2.25] * 4)


def test_the_oldest_click_is_decoded_first() -> None:
    clock, ended = Clock(), list[tuple[str, float]]()
    threads = Threads(clock, 1, None)
    for name in ("a", "b", "c"):
        threads.run(1.0, lambda name=name: ended.append((name, clock.now)))  # type: ignore[misc]
    clock.run()
    assert ended == [("a", 1.0), ("b", 2.0), ("c", 3.0)]


def test_a_busy_owner_makes_clicks_wait_while_others_are_idle() -> None:
    clicks = [Click(0.0, owner, Costs(0.0, 1.0)) for owner in (0, 0, 0, 1)]
    assert answered_in(cluster(1, 2, 1), clicks) == [1.0, 2.0, 3.0, 1.0]


def test_it_gives_the_same_each_time() -> None:
    planned = plan(100, "mobile_sam", Card.NONE)
    assert annotators(planned, 20) == annotators(planned, 20)
    assert annotators(planned, 20) != annotators(planned, 20, seed=2)


@pytest.mark.parametrize("size", [25, 400])
def test_planned_sizes_answer_quickly_and_as_often_as_annotators_click(size: int) -> None:
    planned = plan(size, "mobile_sam", Card.NONE)
    found = annotators(planned, 15)
    alone = MODELS["mobile_sam"].decode_s + ANSWER_S
    assert len(found) == pytest.approx(size / 2 * 10, rel=0.15)
    assert quantile_ms(found, 0.5) <= 1200 * alone
    assert quantile_ms(found, 0.99) <= 3000 * alone


def test_too_few_decoders_are_seen() -> None:
    from dataclasses import replace

    planned = plan(400, "mobile_sam", Card.NONE)
    few = replace(planned, decoders=planned.decoders // 2)
    assert quantile_ms(annotators(few, 12), 0.5) > 3 * quantile_ms(annotators(planned, 12), 0.5)


def test_quantiles_are_of_what_was_seen() -> None:
    assert [quantile_ms([0.003, 0.001, 0.002], part) for part in (0, 0.5, 1)] == [1, 2, 3]


def test_a_prediction_is_made_of_what_one_click_costs() -> None:
    costs = Measured([[0.1]] * 4, [0.01])
    found = predict(SLOW, 1.0, 50, costs, [0, 1, 0, 1], [0, 1, 2, 3])
    assert len(found) == len(list(every(1.0, 50)))
    assert quantile_ms(found, 0.5) == pytest.approx(110)


def test_the_owner_of_an_image_is_that_of_the_application() -> None:
    owners = {owner(predict_body(f"http://127.0.0.1:2/{number}.jpg"), 4) for number in range(IMAGES)}
    assert owners == {0, 1, 2, 3}


def row(predicted: float, failed: int = 0) -> Row:
    return Row("slow", 1, 10, failed, predicted, 100, 200, 200)


def test_verdicts() -> None:
    assert row(100 * (1 + GOAL - 0.01)).reached
    assert not row(100 * (1 + GOAL + 0.01)).reached
    assert not row(100, failed=1).reached
    assert worst([row(100), row(120)]) == pytest.approx(0.2)
    said = printed(table([row(100), row(200)]))
    assert said.count("reached") == 1
    assert said.count("missed") == 1


def test_the_cases_are_those_that_are_named(tmp_path: object) -> None:
    [case] = cases(["slow decoders"], tmp_path)  # type: ignore[arg-type]
    assert case.elsewhere
    assert case.shares == SHARES


def test_what_an_application_can_take_is_bound_by_decoders_or_by_the_cores_of_all(tmp_path: object) -> None:
    [here, elsewhere] = cases(CHECKED, tmp_path)  # type: ignore[arg-type]
    costs = Measured([[0.08, 0.12], [0.1]], [0.01, 0.02, 0.3])
    assert costs.most_a_second(here, 2) == pytest.approx(2 / 0.12)
    assert costs.most_a_second(elsewhere, 2) == pytest.approx(4 * 2 / 0.1)


@pytest.mark.slow
def test_every_order_of_size_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.capacity.__main__.SIMULATED_S", WARM_UP_S + 8)
    shown: list[object] = []

    class Shown:
        def print(self, table: object) -> None:
            shown.append(table)

    rows = simulated(Shown())  # type: ignore[arg-type]
    assert [each["annotators"] for each in rows] == [25, 25, 100, 100, 1000, 1000, 10_000, 10_000]
    assert "10000" in printed(shown[0])
