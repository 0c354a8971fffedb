"""What the chaos benchmark makes of clicks, without an application."""

from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks.chaos.leaving import Left
from benchmarks.chaos.report import Report
from benchmarks.chaos.run import EVERYTHING, LIGHTLY, SETTING
from benchmarks.chaos.stopping import Stopped
from benchmarks.chaos.targets import targets
from testing.annotating.annotators import Click, Probe
from testing.annotating.figures import Calm, Event, figures, outage, percentile
from testing.annotating.questions import PICTURES, Questions, digest
from testing.annotating.victims import VICTIMS

CALM = Calm(p99=0.3, warm_p99=0.2, cold_p99=1.0)


def click(sent: float, seconds: float, outcome: str = "right", *, cold: bool = False) -> Click:
    return Click(sent, sent + seconds, cold, outcome)


def answer(mask: int, region: str) -> dict[str, object]:
    return {"results": [{"score": 0.5, "result": [{"id": region, "value": {"rle": [mask]}}]}]}


def test_ids_of_regions_do_not_count_and_masks_do() -> None:
    assert digest(answer(1, "a")) == digest(answer(1, "b"))
    assert digest(answer(1, "a")) != digest(answer(2, "a"))


def test_every_twelfth_click_is_on_a_new_image_and_all_answers_are_known() -> None:
    questions = Questions()
    questions.learn(lambda question: answer(question.kind[0], "a"))
    asked = [questions.next() for _ in range(120)]
    new = [each.number for each in asked if each.cold]
    assert len(set(new)) == len(new) == 10
    for each in asked:
        assert questions.is_right(each, answer(each.number % PICTURES, "b"))
        assert not questions.is_right(each, answer(each.number % PICTURES + 1, "b"))


def test_each_event_has_the_clicks_until_the_next_one() -> None:
    events = [Event("a", 10), Event("b", 20), Event("a", 30)]
    clicks = [click(1, 1), click(9, 2), click(11, 0.1), click(19, 2), click(31, 0.1), click(32, 1, "500")]
    found = figures("a", events, clicks, [], CALM)
    assert (found.events, found.clicks, found.lost) == (2, 4, {"500": 1})
    assert found.p99 == 2
    assert figures("b", events, clicks, [], CALM).clicks == 1


def test_back_is_the_first_quick_click_that_was_sent_afterwards() -> None:
    clicks = [click(9.9, 0.2), click(10.1, 3), click(12, 0.3), click(13, 0.1)]
    assert figures("a", [Event("a", 10)], clicks, [], CALM).back == pytest.approx(2.3)
    cold = [*clicks, click(11, 5, cold=True), click(15, 1, cold=True)]
    assert figures("a", [Event("a", 10)], cold, [], CALM, new_images=True).back == pytest.approx(6)
    assert figures("a", [Event("a", 10)], [click(11, 9)], [], CALM).back == pytest.approx(11)


def up(at: float) -> Probe:
    return Probe(at, at + 0.1, up=True)


def down(at: float) -> Probe:
    return Probe(at, at + 0.5, up=False)


def test_an_outage_is_as_long_as_nobody_answers_in_time() -> None:
    assert outage([up(1), up(2), up(9)]) == 0
    assert outage([up(1), down(2), down(3), up(4), down(5), up(6)]) == pytest.approx(2.1)
    assert outage([up(1), down(2), down(3)]) == pytest.approx(1.5)


def test_in_calm_weather_nothing_may_be_lost() -> None:
    calm = Calm.of([click(0, 0.1), click(0, 0.5, cold=True)])
    assert calm == Calm(p99=0.5, warm_p99=0.1, cold_p99=0.5)
    with pytest.raises(RuntimeError, match="1 of 2 clicks"):
        Calm.of([click(1, 0.1), click(2, 0.5, "503")])


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentile([3, 1, 2], 50) == 2
    assert percentile(range(1, 201), 99) == 198
    assert percentile([], 99) == 0


@pytest.mark.parametrize(
    ("what", "clicks", "probes", "missed"),
    [
        ("Journal", [click(11, 9)], [], ""),
        ("Journal", [click(11, 0.1, "500")], [], "1 lost"),
        ("Journal", [click(11, 0.1, "wrong")], [], "1 wrong"),
        ("Journal", [click(11, 0.1)], [Probe(11, 12.1, False)], "/health down 1.1 s"),
        ("Decoder", [click(11, 8.1)], [], "p99 8.1 s"),
        ("Encoder", [click(11, 0.4), click(11, 9, cold=True)], [], ""),
        ("Encoder", [click(11, 0.6)], [], "warm p99 0.6 s"),
        ("HAProxy", [click(11.9, 0.1, "ConnectError"), click(11.9, 0.1)], [], ""),
        ("HAProxy", [click(12.1, 0.1, "ConnectError"), click(11.9, 0.1)], [], "1 lost"),
        ("HAProxy", [click(12, 0.1)], [], "back after 2.1 s"),
        ("HAProxy's manager", [click(11, 0.6)], [], "warm p99 0.6 s"),
        (SETTING, [click(11, 0.8)], [], ""),
        (SETTING, [click(11, 1)], [], "p99 1.0 s"),
    ],
)
def test_what_is_missed(what: str, clicks: list[Click], probes: list[Probe], missed: str) -> None:
    found = figures(what, [Event(what, 10)], clicks, probes, CALM)
    assert "; ".join(targets(1)[what].misses(found, CALM)) == missed


def test_two_decoders_have_a_closer_aim() -> None:
    assert (targets(1)["Decoder"].p99, targets(2)["Decoder"].p99) == (8, 3)


def test_whatever_happens_has_a_target() -> None:
    assert set(targets(1)) == {victim.name for victim in VICTIMS} | {LIGHTLY, SETTING}
    assert set(targets(1)) < set(EVERYTHING)


def test_a_report_says_what_was_missed_and_is_json() -> None:
    lost = figures("Journal", [Event("Journal", 10)], [click(11, 0.1, "500")], [], CALM)
    report = Report("classical", targets(1), CALM, [lost], Left(200, 3, 8), Stopped(8, ["500"], 3, 0))
    assert not report.kept
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        report.show(console)
    shown = capture.get()
    assert "missed: 1 lost" in shown
    assert "1 lost ['500']" in shown
    assert report.as_json()["events"][0]["lost"] == {"500": 1}
    kept = figures("Journal", [Event("Journal", 10)], [click(11, 0.1)], [], CALM)
    assert Report("classical", targets(1), CALM, [kept], Left(200, 3, 8), Stopped(8, [], 3, 0)).kept
