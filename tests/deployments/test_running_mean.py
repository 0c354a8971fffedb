from __future__ import annotations

import pytest

from deployments.running_mean import RunningMean


def test_the_first_measurements_count_alike() -> None:
    mean = RunningMean(0.1)
    assert mean.value == 0
    for measured in (1.0, 2.0, 6.0):
        mean.add(measured)
    assert mean.value == pytest.approx(3)


def test_of_many_the_newest_has_its_weight() -> None:
    mean = RunningMean(0.1)
    for _ in range(100):
        mean.add(1.0)
    mean.add(2.0)
    assert mean.value == pytest.approx(1.1)


def test_what_is_believed_before_counts_like_many() -> None:
    mean = RunningMean(0.25, start=1.0)
    mean.add(0)
    assert mean.value == pytest.approx(0.75)
