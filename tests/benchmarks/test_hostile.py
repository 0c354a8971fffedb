from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from benchmarks.hostile import clicker, costly_bodies
from benchmarks.hostile.attack import Attack
from benchmarks.hostile.attacks import ATTACKS, FAMILIES
from benchmarks.hostile.figures import Figures, figures
from benchmarks.hostile.hosts import dripping, hosts, sending
from benchmarks.hostile.report import Line, Report
from deployments.calls import large_values
from testing.annotating.annotators import Click, Probe
from tests.deployments.ingress_door import Door


def seen(first_s: float, warm_s: float, *more: Click, mib: float = 1000.0, health_s: float = 0.1) -> Figures:
    clicks = [Click(1.0, 1.0 + first_s, True, "right"), Click(1.0, 1.0 + warm_s, False, "right"), *more]
    return figures(clicks, [Probe(1.0, 1.0 + health_s, True)], mib, 0.0, 10.0)


@contextlib.asynccontextmanager
async def nothing(url: str) -> AsyncIterator[None]:
    yield


CALM = seen(0.3, 0.2)
ATTACK = Attack("stalled", "nothing", nothing)


def test_only_what_was_sent_meanwhile_counts_and_a_lost_click_has_its_time() -> None:
    clicks = [
        Click(0.5, 9.0, True, "right"),
        Click(1.0, 2.0, True, "right"),
        Click(2.0, 62.0, True, "504"),
        Click(1.0, 1.5, False, "wrong"),
        Click(11.0, 99.0, False, "right"),
    ]
    found = figures(clicks, [Probe(0.0, 8.0, False), Probe(2.0, 2.5, True)], 10.0, 1.0, 10.0)
    assert (found.first.answered, found.first.worst, found.first.lost_as) == (1, 60.0, {"504": 1})
    assert (found.warm.answered, found.warm.p50, found.wrong, found.health_s) == (1, 0.5, 1, 0.5)


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (seen(0.5, 0.2), "first clicks 1.7 x"),
        (seen(0.3, 0.4), "warm clicks 2.0 x"),
        (seen(0.3, 0.2, Click(2.0, 5.5, True, "right"), Click(2.0, 2.1, True, "right")), "worst 3.5 s"),
        (seen(0.3, 0.2, Click(2.0, 2.1, False, "504")), "1 lost"),
        (seen(0.3, 0.2, Click(2.0, 2.1, False, "wrong")), "1 WRONG"),
        (seen(0.3, 0.2, health_s=1.2), "/health 1.20 s"),
        (seen(0.3, 0.2, mib=1600), "+600 MiB"),
    ],
)
def test_each_aim_is_judged(found: Figures, missed: str) -> None:
    line = Line(ATTACK, CALM, found)
    assert line.missed == [missed]
    report = Report("classical", [line])
    assert not report.kept
    assert f"missed: {missed} |" in report.markdown()
    assert json.loads(json.dumps(report.as_json()))["attacks"][0]["missed"] == [missed]


def test_a_calm_attack_is_kept_and_no_answer_at_all_is_not() -> None:
    assert Line(ATTACK, CALM, CALM).missed == []
    silence = figures([Click(1.0, 1.2, False, "right")], [], 1000.0, 0.0, 10.0)
    assert Line(ATTACK, CALM, silence).missed == ["no first click was answered"]


def test_every_attack_has_a_name_of_its_own() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert {"stalled", "slow_files"} <= set(FAMILIES)


async def test_hosts_send_what_they_are_told_and_those_that_drip_never_end() -> None:
    async with hosts(2, sending(b"whole")) as good, hosts(1, dripping) as [bad], httpx.AsyncClient() as http:
        assert len({httpx.URL(address).host for address in good}) == 2
        assert [(await http.get(address)).content for address in good] == [b"whole"] * 2
        async with http.stream("GET", bad) as answer:
            assert await anext(answer.aiter_raw()) == b"\xff"


async def test_who_clicks_goes_on_with_the_next_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicker, "_REFUSED_S", 0)
    monkeypatch.setattr(clicker, "BEGIN_S", 0)
    asked: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def post(http: httpx.AsyncClient, body: dict[str, object]) -> None:
        asked.put_nowait(body)

    monkeypatch.setattr(clicker, "_post", post)
    images = (f"http://h/{number}.jpg" for number in itertools.count())
    async with clicker.clicking("http://app", images, 2, "66.1"):
        bodies = [await asked.get() for _ in range(5)]
    shown = [body["tasks"][0]["data"]["image"] for body in bodies]  # type: ignore[index]
    assert sorted(shown) == [f"http://h/{number}.jpg" for number in range(5)]
    assert {body["project"] for body in bodies} == {"66.1"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", costly_bodies.KINDS)
async def test_a_costly_body_is_small_and_is_answered(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costly_bodies, "SIDE", 300)
    costly_bodies._png.cache_clear()
    monkeypatch.setattr(large_values, "packed", nothing_packed)
    door = Door()
    async with door.client:
        for route, content in costly_bodies.KINDS[kind]():
            assert len(content) <= costly_bodies.MOST
            assert (await door.post(route, content)).status_code < 500
        await door.settle()
    costly_bodies._png.cache_clear()


async def nothing_packed(value: object) -> list[object]:
    return []


async def test_costly_bodies_are_sent_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costly_bodies, "PAUSE_S", 0)
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def post(http: httpx.AsyncClient, route: str, content: bytes) -> None:
        asked.put_nowait(f"{route} {content.decode()}")

    monkeypatch.setattr(httpx.AsyncClient, "post", post)
    begin = costly_bodies.posting(lambda: iter([("/a", b"1"), ("/b", b"2")]))
    async with begin("http://app"):
        assert [await asked.get() for _ in range(3)] == ["/a 1", "/b 2", "/a 1"]
