"""Each process of the application dies in turn while annotators click: none is lost, and no mask is wrong."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import pytest

from serve_app.haproxy.process import STOPPING_S
from testing.annotating.annotators import TIMEOUT_S, Annotators, Click, asking, client
from testing.annotating.figures import OUTAGE_S
from testing.annotating.questions import Questions
from testing.annotating.victims import VICTIMS
from tests.shared import SIZE, Other

pytestmark = pytest.mark.cluster

NEW_IMAGES = 3
"""After each death so many clicks on images that nobody has seen are answered: they need all of it."""

WORKS_AGAIN_S = 60


@dataclass(frozen=True)
class Deaths:
    """When each one died, by name in the order of their deaths, and all clicks."""

    at: dict[str, float]
    clicks: list[Click]

    def noticed(self, name: str) -> list[Click]:
        """The clicks that ended between a death and the next one."""
        times = [*self.at.values(), float("inf")]
        until = times[times.index(self.at[name]) + 1]
        return [click for click in self.clicks if self.at[name] <= click.ended < until]


@pytest.fixture(scope="module")
def deaths(other_cluster: Other) -> Deaths:
    questions, deaths, choose = Questions(cold_every=4, size=SIZE), Deaths({}, []), random.Random(1)
    with client(other_cluster.app.url, TIMEOUT_S) as http:
        questions.learn(asking(http))
    with Annotators(other_cluster.app.url, questions, count=3) as annotators:
        for victim in VICTIMS:
            deaths.at[victim.name] = victim.kill(other_cluster.app, choose, annotators.until_one_waits)
            since = time.monotonic()
            if victim.name == "HAProxy":  # for so long its guard looks whether it is to be stopped
                since += STOPPING_S + 1
            _wait_until_all_works(annotators.clicks, since)
    deaths.clicks.extend(annotators.clicks)
    return deaths


def _wait_until_all_works(clicks: list[Click], since: float) -> None:
    while sum(click.cold and click.answered and click.sent > since for click in clicks) < NEW_IMAGES:
        assert time.monotonic() < since + WORKS_AGAIN_S
        time.sleep(0.05)


@pytest.mark.parametrize("name", [victim.name for victim in VICTIMS])
def test_no_click_is_lost_and_no_mask_is_wrong(name: str, deaths: Deaths) -> None:
    noticed = deaths.noticed(name)
    if name == "HAProxy":  # everybody is connected to it: what is in flight is lost, and others find it again
        noticed = [click for click in noticed if click.sent > deaths.at[name] + OUTAGE_S]
    assert noticed
    assert [click for click in noticed if click.outcome != "right"] == []
