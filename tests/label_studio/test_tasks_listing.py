from __future__ import annotations

import json
from itertools import islice
from typing import Any

import httpx
import pytest
from tenacity import wait_none

from label_studio.api import LabelStudioError
from label_studio.tasks import ATTEMPTS, WINDOW, TaskListing, patiently, task_of
from tests.serve_app.cli.fake_label_studio import FakeLabelStudio

ROUTE = "GET /api/tasks"


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> FakeLabelStudio:
    fake = FakeLabelStudio()
    monkeypatch.setattr("label_studio.tasks.BACK_OFF", wait_none())
    fake.add_project("Cats", "<View/>")
    fake.tasks = [{"id": number, "data": {"image": str(number)}} for number in range(1, 251)]
    return fake


def test_ten_thousand_tasks_are_asked_for_as_they_are_needed(studio: FakeLabelStudio) -> None:
    studio.tasks = [{"id": number, "data": {"image": "x"}} for number in range(5, 40_005, 4)]
    tasks = TaskListing(studio.studio(), 1)
    assert (tasks.total, len(studio.windows)) == (10_000, 1)
    going = iter(tasks)
    first = list(islice(going, 1000))
    assert len(studio.windows) == 1000 // WINDOW
    rest = list(going)
    assert [task.id for task in first + rest] == list(range(5, 40_005, 4))
    assert len(studio.windows) == 10_000 // WINDOW + 1
    assert tasks.total == 10_000


def test_what_is_asked_of_label_studio(studio: FakeLabelStudio) -> None:
    TaskListing(studio.studio(), 1, only_unlabelled=True)
    [asked] = studio.windows
    assert {name: asked[name] for name in asked if name != "query"} == {
        "project": "1",
        "page_size": "100",
        "fields": "task_only",
        "include": "id,data",
    }


def test_the_total_follows_what_is_added_and_deleted(studio: FakeLabelStudio) -> None:
    tasks = TaskListing(studio.studio(), 1)
    going = iter(tasks)
    list(islice(going, WINDOW))
    studio.tasks = [*studio.tasks[150:], {"id": 900, "data": {}}]
    next(going)
    assert tasks.total == WINDOW + 101


def test_a_restart_of_label_studio_in_the_middle_is_waited_for(studio: FakeLabelStudio) -> None:
    tasks = iter(TaskListing(studio.studio(), 1))
    next(tasks)
    trouble = iter([True, True])

    def restart() -> None:
        if next(trouble, False):
            raise httpx.ConnectError("refused")

    studio.listing = restart
    assert len(list(tasks)) == 249


def test_it_is_waited_for_a_minute_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)

    def away() -> None:
        raise LabelStudioError("cannot reach it")

    with pytest.raises(LabelStudioError):
        patiently(away)
    assert 60 < sum(waited) < 75
    assert len(waited) == ATTEMPTS - 1


def test_a_label_studio_that_stays_away_ends_it(studio: FakeLabelStudio) -> None:
    tasks = iter(TaskListing(studio.studio(), 1))
    next(tasks)
    asked = []

    def away() -> None:
        asked.append(1)
        raise httpx.ConnectError("refused")

    studio.listing = away
    with pytest.raises(LabelStudioError, match="cannot reach Label Studio"):
        list(tasks)
    assert len(asked) == ATTEMPTS


def test_a_refusal_is_not_repeated(studio: FakeLabelStudio) -> None:
    tasks = iter(TaskListing(studio.studio(), 1))
    next(tasks)
    studio.refuse[ROUTE] = httpx.Response(403, json={"detail": "You may not."})
    with pytest.raises(LabelStudioError, match="HTTP 403 You may not"):
        list(tasks)
    assert studio.refused == [ROUTE]


def test_a_server_in_trouble_is_asked_again(studio: FakeLabelStudio) -> None:
    tasks = iter(TaskListing(studio.studio(), 1))
    next(tasks)
    studio.refuse[ROUTE] = httpx.Response(502)
    with pytest.raises(LabelStudioError, match="HTTP 502"):
        list(tasks)
    assert studio.refused == [ROUTE] * ATTEMPTS


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ([], "does not list tasks as Label Studio does"),
        ({"tasks": [{"id": 1, "data": {}}]}, "does not list tasks"),
        ({"tasks": [{"id": None, "data": {}}], "total": 1}, "does not list tasks"),
        ({"tasks": [{"id": 2, "data": {}}, {"id": 1, "data": {}}], "total": 2}, "by their ids"),
    ],
)
def test_what_is_no_list_of_tasks(studio: FakeLabelStudio, page: Any, words: str) -> None:
    studio.refuse[ROUTE] = httpx.Response(200, json=page)
    with pytest.raises(LabelStudioError, match=words):
        TaskListing(studio.studio(), 1)


def test_a_label_studio_that_ignores_the_filter_is_not_asked_for_ever(studio: FakeLabelStudio) -> None:
    tasks = TaskListing(studio.studio(), 1)
    page = {"tasks": [{"id": number, "data": {}} for number in range(1, 101)], "total": 250}
    studio.refuse[ROUTE] = httpx.Response(200, json=page)
    with pytest.raises(LabelStudioError, match="by their ids"):
        list(tasks)


def test_a_task_by_its_id(studio: FakeLabelStudio) -> None:
    studio.tasks[2] |= {"project": 7, "data": {"image": "é"}}
    task, project = task_of(studio.studio(), 3)
    assert (task.id, json.loads(task.data), project) == (3, {"image": "é"}, 7)
    with pytest.raises(LabelStudioError, match="has no task 777 that this token may see"):
        task_of(studio.studio(), 777)
    studio.refuse["GET /api/tasks/3/"] = httpx.Response(200, json={"id": 3, "data": {}})
    with pytest.raises(LabelStudioError, match="does not show tasks as Label Studio does; check --label-st"):
        task_of(studio.studio(), 3)
