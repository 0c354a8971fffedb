from __future__ import annotations

from serve_app.cli.precompute.sending import Report


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_report_counts_by_its_clock() -> None:
    clock = Clock()
    report = Report(clock)
    clock.now = 4.0
    report.end()
    clock.now = 9.0
    assert report.summary()["seconds"] == 4.0
    assert (report.ok, report.status) == (True, 0)
    report.interrupted = True
    assert (report.ok, report.status) == (False, 130)
