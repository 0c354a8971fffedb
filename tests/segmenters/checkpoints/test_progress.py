from __future__ import annotations

import logging

import pytest

from segmenters.checkpoints.progress import MIB, LogProgress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("ray.serve"), "propagate", True)
    caplog.set_level(logging.INFO, logger="ray.serve")
    return caplog


def test_start_and_end(lines: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = LogProgress("sam_vit_b", clock)
    progress(0, 100 * MIB)
    for done in range(1, 100):
        progress(done * MIB, 100 * MIB)
    clock.now += 4
    progress(100 * MIB, 100 * MIB)
    progress(100 * MIB, 100 * MIB)
    assert lines.messages == [
        "sam_vit_b: 0.0 of 100.0 MiB, 0 %",
        "sam_vit_b: 100.0 of 100.0 MiB, 100 %, 25.0 MiB/s",
    ]


def test_in_between_lines_are_seconds_and_a_share_apart(lines: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = LogProgress("m", clock)
    progress(0, 1000 * MIB)
    for second in range(1, 101):
        clock.now = 100.0 + second
        progress(second * 10 * MIB - 1, 1000 * MIB)
    # 1 % a second: a tenth takes 10 s.
    assert len(lines.messages) == 1 + 9
    lines.clear()
    for second in range(1, 121):
        clock.now = 300.0 + second
        progress(1000 * MIB - 1, 1000 * MIB)
    assert len(lines.messages) == 2  # after the long silence, and a minute later


def test_what_was_there_before_is_not_counted_as_speed(lines: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = LogProgress("m", clock)
    progress(90 * MIB, 100 * MIB)
    clock.now += 10
    progress(100 * MIB, 100 * MIB)
    assert lines.messages[-1].endswith("1.0 MiB/s")


def test_without_a_total(lines: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = LogProgress("m", clock)
    progress(0, None)
    clock.now += 5
    progress(10 * MIB, None)
    clock.now += 5
    progress(20 * MIB, 20 * MIB)
    assert lines.messages == [
        "m: 0.0 MiB",
        "m: 10.0 MiB, 2.0 MiB/s",
        "m: 20.0 of 20.0 MiB, 100 %, 2.0 MiB/s",
    ]


def test_starting_over_is_said(lines: pytest.LogCaptureFixture) -> None:
    progress = LogProgress("m", Clock())
    progress(50 * MIB, 100 * MIB)
    progress(0, 100 * MIB)
    assert lines.messages == ["m: 50.0 of 100.0 MiB, 50 %", "m: 0.0 of 100.0 MiB, 0 %"]
