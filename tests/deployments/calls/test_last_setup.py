"""Labeling configs of the last /setup: asked for once, believed for a while, never lost to a new journal."""

from __future__ import annotations

import asyncio

from deployments.calls.last_setup import CONFIGS_BYTES, FRESH_S, PROJECTS, SetupConfigs
from deployments.journal import CONFIG_LIMIT
from testing.deployment_fakes import Handle
from values.errors import ModelError


class Bench:
    """The configs of one replica, a clock that is turned by hand, and the journal behind."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[str] = []
        self.known: dict[str, str] = {}
        self.fails = False
        self.configs = SetupConfigs(Handle({"configured": self._configured}), lambda: self.now)

    async def _configured(self, project: str) -> str | None:
        self.asked.append(project)
        await asyncio.sleep(0)
        if self.fails:
            raise ModelError("the journal is starting")
        return self.known.get(project)


async def test_the_journal_is_asked_once_for_a_while_also_about_what_it_does_not_know() -> None:
    bench = Bench()
    bench.known["3"] = "<View/>"
    assert await asyncio.gather(*(bench.configs.of("3") for _ in range(5))) == ["<View/>"] * 5
    assert await bench.configs.of("4") is None
    assert await bench.configs.of("4") is None
    assert bench.asked == ["3", "4"]
    bench.known["4"] = "<View>later</View>"
    bench.now = FRESH_S
    assert await bench.configs.of("4") == "<View>later</View>"
    assert bench.asked == ["3", "4", "4"]


async def test_what_this_replica_was_told_needs_no_journal() -> None:
    bench = Bench()
    bench.configs.keep("3", "<View/>")
    assert await bench.configs.of("3") == "<View/>"
    assert bench.asked == []


async def test_a_later_setup_at_another_replica_wins() -> None:
    bench = Bench()
    bench.configs.keep("3", "<View/>")
    bench.known["3"] = "<View>newer</View>"
    bench.now = FRESH_S
    assert await bench.configs.of("3") == "<View>newer</View>"


async def test_a_journal_that_fails_or_forgot_takes_nothing_away() -> None:
    bench = Bench()
    bench.configs.keep("3", "<View/>")
    bench.now = FRESH_S
    assert await bench.configs.of("3") == "<View/>"
    bench.now, bench.fails = 2 * FRESH_S, True
    assert await bench.configs.of("3") == "<View/>"
    assert await bench.configs.of("4") is None


async def test_without_a_project_nobody_is_asked() -> None:
    bench = Bench()
    assert await bench.configs.of("") is None
    assert bench.asked == []


async def test_what_is_kept_is_bounded() -> None:
    bench = Bench()
    for number in range(PROJECTS + 1):
        bench.configs.keep(str(number), "<View/>")
    bench.fails = True
    assert (await bench.configs.of("0"), await bench.configs.of("1")) == (None, "<View/>")
    for number in range(CONFIGS_BYTES // CONFIG_LIMIT):
        bench.configs.keep(f"large {number}", "x" * CONFIG_LIMIT)
    assert [len(await bench.configs.of(f"large {number}") or "") for number in (0, 1)] == [0, CONFIG_LIMIT]
    bench.configs.keep("large 1", "x" * (CONFIG_LIMIT + 1))
    assert await bench.configs.of("large 1") is None
