"""The next tasks: which ones, once, and without harm where Label Studio does not tell."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from deployments import warming
from deployments.warming import AGAIN_S, FRESH_S, WINDOW, Prefetcher
from label_studio.tasks import ListedTask
from protocol.bodies.predict import PredictBody, read_predict
from testing.label_studio_requests import predict_body
from values.errors import ImageUnauthorized
from values.image import ImageSource


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class LabelStudio:
    """A project of ``size`` tasks, of which some are labelled; counts what it is asked."""

    def __init__(self, size: int = 20) -> None:
        self.ids = list(range(1, size + 1))
        self.asked: list[tuple[str, int, str | None]] = []
        self.error: Exception | None = None

    async def unlabelled_after(
        self, project: str, task: int, count: int, token: str | None = None
    ) -> Sequence[ListedTask]:
        self.asked.append((project, task, token))
        if self.error is not None:
            raise self.error
        behind = [number for number in self.ids if number > task][:count]
        return [ListedTask(number, json.dumps({"image": f"/{number}.png"}).encode()) for number in behind]


class Annotating:
    """A prefetcher and what it sent to the decoders."""

    def __init__(self, count: int = 3, size: int = 20) -> None:
        self.label_studio = LabelStudio(size)
        self.clock = Clock()
        self.sent: list[ImageSource] = []
        self.succeeds = True
        self.prefetcher = Prefetcher(count, self.label_studio, self._warm, self._token, self.clock)

    async def _warm(self, source: ImageSource, find: bool) -> bool:
        self.sent.append(source)
        return self.succeeds

    async def _token(self, project: str) -> str | None:
        return "offered" if project == "1" else None

    async def open(self, *tasks: int, **more: Any) -> list[int]:
        """The numbers of the tasks that are encoded ahead when ``tasks`` are opened at once."""
        before = len(self.sent)
        for task in tasks:
            self.prefetcher.opened(opened(task, **more))
        await self.prefetcher.background.drain()
        return sorted(int(source.value[1:-4]) for source in self.sent[before:])


def opened(task: int | str, **more: Any) -> PredictBody:
    body = predict_body(context=None)
    body["tasks"][0]["id"] = task
    return read_predict(json.dumps(body | more).encode())


async def test_the_next_tasks_in_order() -> None:
    annotating = Annotating()
    assert await annotating.open(4) == [5, 6, 7]
    [source, *_] = annotating.sent
    assert (source.project, source.task) == ("1", 5)


async def test_each_once_and_one_question_for_many_tasks() -> None:
    annotating = Annotating(size=100)
    assert await annotating.open(1) == [2, 3, 4]
    assert await annotating.open(2) == [5]
    assert await annotating.open(2) == []
    assert await annotating.open(10) == [11, 12, 13]
    assert annotating.label_studio.asked == [("1", 1, "offered")]
    assert await annotating.open(1 + WINDOW) == [WINDOW + 2, WINDOW + 3, WINDOW + 4]
    assert len(annotating.label_studio.asked) == 2


async def test_annotators_at_once_ask_once() -> None:
    annotating = Annotating()
    assert await annotating.open(3, 4, 5) == [4, 5, 6, 7, 8]
    assert len(annotating.label_studio.asked) == 1


async def test_a_list_grows_old() -> None:
    annotating = Annotating()
    await annotating.open(1)
    annotating.label_studio.ids.remove(5)
    assert await annotating.open(2) == [5]
    annotating.clock.now += FRESH_S
    assert await annotating.open(3) == [6, 7]
    assert len(annotating.label_studio.asked) == 2


async def test_what_was_sent_long_ago_is_sent_again() -> None:
    annotating = Annotating()
    await annotating.open(1)
    annotating.clock.now += AGAIN_S
    assert await annotating.open(1) == [2, 3, 4]


async def test_what_may_succeed_a_little_later_is_sent_again() -> None:
    annotating = Annotating()
    annotating.succeeds = False
    assert await annotating.open(1) == [2, 3, 4]
    annotating.succeeds = True
    assert await annotating.open(1) == [2, 3, 4]
    assert await annotating.open(1) == []


async def test_what_found_no_place_is_sent_again() -> None:
    annotating = Annotating()
    annotating.prefetcher.background.limit = 3
    some = await annotating.open(1)
    assert len(some) < 3
    annotating.prefetcher.background.limit = 64
    assert sorted(some + await annotating.open(1)) == [2, 3, 4]


async def test_the_end_of_a_project() -> None:
    annotating = Annotating(size=5)
    assert await annotating.open(4) == [5]
    assert await annotating.open(5) == []
    assert len(annotating.label_studio.asked) == 1


async def test_a_refusal_is_one_warning_and_no_more_questions_for_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    annotating = Annotating()
    annotating.label_studio.error = ImageUnauthorized("Label Studio answered 401; set LABEL_STUDIO_API_KEY")
    with caplog.at_level(logging.WARNING, "ray.serve"):
        assert await annotating.open(1, 2, 3) == []
        assert await annotating.open(4) == []
    [record] = [each for each in caplog.records if "project 1" in each.getMessage()]
    assert "set LABEL_STUDIO_API_KEY" in record.getMessage()
    assert len(annotating.label_studio.asked) == 1
    annotating.label_studio.error = None
    annotating.clock.now += FRESH_S
    assert await annotating.open(4) == [5, 6, 7]


async def test_nothing_is_asked_when_it_is_switched_off_or_nobody_can_tell_where() -> None:
    off = Annotating(count=0)
    assert await off.open(1) == []
    annotating = Annotating()
    annotating.prefetcher.opened(opened("a client's own id"))
    annotating.prefetcher.opened(opened(1, project=None))
    annotating.prefetcher.opened(opened(1, tasks=[]))
    await annotating.prefetcher.background.drain()
    assert off.label_studio.asked == annotating.label_studio.asked == []


async def test_the_projects_login_goes_along() -> None:
    annotating = Annotating()
    await annotating.open(1, params={"login": "user", "password": "a password"})
    assert {(source.login, source.password) for source in annotating.sent} == {("user", "a password")}


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "PROJECTS", 2)
    monkeypatch.setattr(warming, "WINDOW", 2)
    annotating = Annotating(count=2)
    for project in range(1, 5):
        await annotating.open(1, project=f"{project}.17")
    assert len(annotating.prefetcher._windows) == 2
    assert len(annotating.prefetcher._sent) == 4
