"""What a soak makes of its samples, without an application."""

from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks.soak.__main__ import LIMITS, Samples, Soak, show
from benchmarks.soak.slopes import slope


def test_a_straight_line_has_no_error() -> None:
    found = slope([0, 1800, 3600], [10, 15, 20])
    assert (found.first, found.last) == (10, 20)
    assert found.an_hour == pytest.approx(10)
    assert found.error == pytest.approx(0, abs=1e-6)
    assert found.exceeds(9)
    assert not found.exceeds(11)


def test_what_only_varies_does_not_grow() -> None:
    noisy = slope(range(0, 180, 10), [100 + 30 * (each % 3) for each in range(18)])
    assert noisy.error > abs(noisy.an_hour)
    assert not noisy.exceeds(0)


def samples(grows: str) -> Samples:
    """Half an hour; the first ten minutes are those in which caches fill."""
    found = Samples()
    for minute in range(30):
        values = {name: 100.0 + min(minute, 9) for name in LIMITS}
        values[grows] += 10 * minute
        found.add(60.0 * minute, values)
    return found


def _shown(found: Soak) -> str:
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        show(found, console)
    return capture.get()


@pytest.mark.parametrize("grows", LIMITS)
def test_what_grows_is_missed_and_what_filled_is_not(grows: str) -> None:
    found = Soak(30, 100, 0, 0, samples(grows).slopes())
    assert not found.kept
    assert [name for name, each in found.slopes.items() if each.exceeds(LIMITS[name])] == [grows]
    assert _shown(found).count("missed") == 1


def test_a_short_run_does_not_tell_whether_something_grows() -> None:
    found = Soak(3, 100, 0, 0, samples("threads").slopes())
    assert found.kept
    assert "too short to tell" in _shown(found)


def test_a_lost_click_is_missed() -> None:
    assert Soak(30, 100, 0, 0, {}).kept
    assert not Soak(30, 100, 1, 0, {}).kept
    assert not Soak(30, 100, 0, 1, {}).kept
