from __future__ import annotations

from benchmarks.everything import Row, table
from tests.benchmarks.printing import printed


def test_each_grid_has_a_line() -> None:
    rows = [Row("classical", "coffee", "defaults", side, side**2, 7, 1.25, 2.5, 12.4) for side in (16, 32)]
    lines = [line for line in printed(table(rows)).splitlines() if "classical" in line]
    assert [line.split()[3:] for line in lines] == [
        ["16", "x", "16", "256", "7", "1.2", "2.5", "12"],
        ["32", "x", "32", "1024", "7", "1.2", "2.5", "12"],
    ]
