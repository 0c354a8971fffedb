"""What breaks first at each order of size, with a remedy that works."""

from __future__ import annotations

import re

import pytest

from serve_app.capacity.breaking import CONTROLLER, first, label_studio, limits, round_down, workers
from serve_app.capacity.costs import Card
from serve_app.capacity.plan import plan

LARGE = "sam2.1_hiera_large"


def parts(annotators: int, model: str = LARGE, card: Card = Card.H100) -> list[str]:
    return [each.part for each in first(plan(annotators, model, card))]


def test_what_breaks_first_at_each_order() -> None:
    assert parts(25) == ["Label Studio's own uwsgi"]
    assert parts(25, "mobile_sam", Card.NONE) == ["the encoders"]
    assert parts(100) == ["Label Studio's own uwsgi", "the busiest decoder"]
    assert parts(1000) == ["Label Studio's own uwsgi", "the busiest decoder"]
    assert parts(10_000)[:2] == ["Label Studio's own uwsgi", "Serve's one controller"]


@pytest.mark.parametrize("annotators", [1, 25, 100, 1000, 10_000, 100_000])
def test_nothing_else_that_is_planned_breaks_before(annotators: int) -> None:
    found = limits(plan(annotators, LARGE, Card.H100))
    assert found == sorted(found)
    others = [each for each in found if "uwsgi" not in each.part and each.annotators != CONTROLLER]
    assert all(each.annotators >= annotators for each in others)


@pytest.mark.parametrize("annotators", [100, 1000, 10_000])
def test_label_studio_carries_them_with_the_settings_that_are_named(annotators: int) -> None:
    said = first(plan(annotators, LARGE, Card.H100))[0].remedy
    found = re.search(r"UWSGI_PROCESSES=(\d+) and UWSGI_NUMBER_OF_THREADS=(\d+)(?: on each of (\d+))?", said)
    assert found is not None
    processes, threads, machines = (int(each or 1) for each in found.groups())
    assert processes * threads * machines >= workers(annotators, LARGE)
    assert label_studio(LARGE, workers(annotators, LARGE)) >= annotators
    assert 50 <= label_studio(LARGE, 8) <= 150


def test_numbers_are_said_by_two_digits() -> None:
    assert [round_down(each) for each in (7, 78, 1115, 10_000)] == [7, 78, 1100, 10_000]
