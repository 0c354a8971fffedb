"""Each process dies while annotators click, some of them together: no click is lost, and no mask is wrong."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import pytest

from serve_app.haproxy.process import STOPPING_S, TAKING_OVER_S
from testing.annotating.annotators import TIMEOUT_S, Annotators, Click, asking, client
from testing.annotating.figures import OUTAGE_S
from testing.annotating.questions import Questions
from testing.annotating.victims import VICTIMS, kill_together
from tests.shared import SIZE, Other

pytestmark = pytest.mark.cluster

NEW_IMAGES = 3
"""After each death so many clicks on images that nobody has seen are answered: they need all of it."""

WORKS_AGAIN_S = 60

TOGETHER = (
    ("Decoder",),
    ("Encoder", "Fetcher"),
    ("Ingress", "Journal"),
    ("HAProxy",),
    ("HAProxy's manager", "fallback proxy"),
    ("controller", "decoding process"),
)
"""Who dies at once, by name. To come back takes the application half a minute of both cores each time."""

HAPROXY = "HAProxy"


@dataclass(frozen=True)
class Deaths:
    """When some died, by name in the order of their deaths, and all clicks."""

    at: dict[tuple[str, ...], float]
    clicks: list[Click]

    def noticed(self, names: tuple[str, ...]) -> list[Click]:
        """The clicks that ended between these deaths and the next ones."""
        times = [*self.at.values(), float("inf")]
        until = times[times.index(self.at[names]) + 1]
        return [click for click in self.clicks if self.at[names] <= click.ended < until]


@pytest.fixture(scope="module")
def deaths(other_cluster: Other) -> Deaths:
    questions, deaths, choose = Questions(cold_every=4, size=SIZE), Deaths({}, []), random.Random(1)
    with client(other_cluster.app.url, TIMEOUT_S) as http:
        questions.learn(asking(http))
    with Annotators(other_cluster.app.url, questions, count=3) as annotators:
        for names in TOGETHER:
            victims = [victim for victim in VICTIMS if victim.name in names]
            deaths.at[names] = kill_together(victims, other_cluster.app, choose, annotators.until_one_waits)
            since = time.monotonic()
            if HAPROXY in names:  # for so long its guard looks whether it is to be stopped
                since += TAKING_OVER_S + STOPPING_S
            _wait_until_all_works(annotators.clicks, since)
    deaths.clicks.extend(annotators.clicks)
    return deaths


def _wait_until_all_works(clicks: list[Click], since: float) -> None:
    while sum(click.cold and click.answered and click.sent > since for click in clicks) < NEW_IMAGES:
        assert time.monotonic() < since + WORKS_AGAIN_S
        time.sleep(0.05)


@pytest.mark.parametrize("names", TOGETHER, ids=" and ".join)
def test_no_click_is_lost_and_no_mask_is_wrong(names: tuple[str, ...], deaths: Deaths) -> None:
    noticed = deaths.noticed(names)
    if HAPROXY in names:  # everybody is connected to it: what is in flight is lost, and others find it again
        noticed = [click for click in noticed if click.sent > deaths.at[names] + OUTAGE_S]
    assert noticed
    assert [click for click in noticed if click.outcome != "right"] == []


def test_every_kind_of_process_dies() -> None:
    assert sorted(name for names in TOGETHER for name in names) == sorted(each.name for each in VICTIMS)
