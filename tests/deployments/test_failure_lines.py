from __future__ import annotations

from deployments.failure_lines import AT_ONCE, EVERY_S, FailureLines


class Told:
    """Lines, and a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now = 0.0
        self.of = FailureLines(self.lines.append, lambda: self.now)

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.of.tell("project 3", "why")


def test_a_few_failures_are_a_line_each() -> None:
    told = Told()
    told.fail(AT_ONCE)
    assert len(told.lines) == AT_ONCE
    assert all(line.startswith("no mask    ") and line.endswith(" project 3: why") for line in told.lines)


def test_many_are_told_by_their_number_when_there_is_room_again() -> None:
    told = Told()
    told.fail(AT_ONCE + 100)
    assert len(told.lines) == AT_ONCE
    told.now = EVERY_S
    told.fail(2)
    assert len(told.lines) == AT_ONCE + 1
    assert told.lines[-1].endswith("why (100 more before it, see /diagnose)")
    told.now = 1000 * EVERY_S
    told.fail(AT_ONCE + 1)
    assert len(told.lines) == 2 * AT_ONCE + 1
    assert told.lines[-1].endswith("project 3: why")
