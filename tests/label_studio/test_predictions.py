"""Predictions are stored once, whatever happens on the way."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tenacity import wait_none

from label_studio.api import LabelStudioError, Refused
from label_studio.predictions import (
    Prediction,
    delete_predictions,
    ids_of_version,
    predictions_of,
    store_once,
)
from label_studio.tasks import ATTEMPTS
from tests.serve_app.cli.fake_label_studio import FakeLabelStudio

MADE = Prediction(1, "sam-1", 0.5, b'[{"id": "a", "text": "\\u00e9"}]')


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> FakeLabelStudio:
    monkeypatch.setattr("label_studio.tasks.BACK_OFF", wait_none())
    studio = FakeLabelStudio()
    studio.add_project("Cats", "<View/>")
    studio.tasks = [{"id": 1, "data": {}}, {"id": 2, "data": {}}]
    return studio


def posts(studio: FakeLabelStudio) -> int:
    return studio.changes.count("POST /api/predictions/")


def test_it_is_stored_as_it_came(studio: FakeLabelStudio) -> None:
    assert store_once(studio.studio(), 1, MADE)
    [kept] = json.loads(predictions_of(studio.studio(), 1))
    assert kept == {
        "id": 1,
        "task": 1,
        "project": 1,
        "model_version": "sam-1",
        "score": 0.5,
        "result": [{"id": "a", "text": "é"}],
    }


def test_a_second_one_of_its_version_is_not_stored(studio: FakeLabelStudio) -> None:
    store_once(studio.studio(), 1, MADE)
    assert not store_once(studio.studio(), 1, MADE)
    assert store_once(studio.studio(), 1, Prediction(1, "sam-10", 0.5, b"[]"))
    assert store_once(studio.studio(), 1, Prediction(2, "sam-1", 0.5, b"[]"))
    assert posts(studio) == 3


def test_a_new_one_replaces_those_of_its_version(studio: FakeLabelStudio) -> None:
    store_once(studio.studio(), 1, MADE)
    store_once(studio.studio(), 1, Prediction(1, "yolo", 0.5, b"[]"))
    assert store_once(studio.studio(), 1, Prediction(1, "sam-1", 0.9, b"[]"), replace=True)
    assert {each["model_version"]: each["score"] for each in studio.tasks[0]["predictions"]} == {
        "yolo": 0.5,
        "sam-1": 0.9,
    }


def failing(*numbers: int) -> Any:
    """Called again and again it raises ConnectError these times, counted from 0."""
    calls: list[int] = []

    def fail(_: Any) -> None:
        calls.append(len(calls))
        if calls[-1] in numbers:
            raise httpx.ConnectError("gone")

    return fail


def test_a_request_that_never_came_is_sent_again(studio: FakeLabelStudio) -> None:
    studio.storing = failing(0, 1)
    assert store_once(studio.studio(), 1, MADE)
    assert ids_of_version(studio.studio(), 1, "sam-1") == [1]


def test_a_request_that_was_done_without_an_answer_is_not_sent_again(studio: FakeLabelStudio) -> None:
    studio.stored = failing(0)
    assert store_once(studio.studio(), 1, MADE)
    assert (posts(studio), len(studio.tasks[0]["predictions"])) == (1, 1)


def test_one_that_was_done_later_than_it_was_looked_for_is_taken_away(studio: FakeLabelStudio) -> None:
    late: list[Any] = []

    def lose(body: Any) -> None:
        if not late:
            late.append({"id": 99, **body})
            raise httpx.ReadTimeout("slow")
        studio.tasks[0]["predictions"] = [late[0]]

    studio.storing = lose
    assert store_once(studio.studio(), 1, MADE)
    assert ids_of_version(studio.studio(), 1, "sam-1") == [99]
    assert len(studio.tasks[0]["predictions"]) == 1


def test_doubles_of_others_are_taken_away_too(studio: FakeLabelStudio) -> None:
    twice: list[Any] = [
        {"id": number, "task": 1, "model_version": "sam-1", "result": []} for number in (4, 5)
    ]
    studio.tasks[0]["predictions"] = twice
    assert not store_once(studio.studio(), 1, MADE)
    assert ids_of_version(studio.studio(), 1, "sam-1") == [5]


def test_it_gives_up_some_time(studio: FakeLabelStudio) -> None:
    studio.storing = failing(*range(100))
    with pytest.raises(LabelStudioError, match="cannot reach Label Studio"):
        store_once(studio.studio(), 1, MADE)
    assert posts(studio) == ATTEMPTS


def test_a_refusal_is_final(studio: FakeLabelStudio) -> None:
    with pytest.raises(Refused, match="HTTP 400 task: Invalid pk"):
        store_once(studio.studio(), 1, Prediction(7, "sam-1", 0.5, b"[]"))
    assert posts(studio) == 1


def test_what_is_gone_already_is_deleted(studio: FakeLabelStudio) -> None:
    store_once(studio.studio(), 1, MADE)
    delete_predictions(studio.studio(), [1, 1, 77])
    assert ids_of_version(studio.studio(), 1, "sam-1") == []
    studio.refuse["DELETE /api/predictions/3/"] = httpx.Response(403, json={"detail": "You may not."})
    with pytest.raises(Refused, match="You may not"):
        delete_predictions(studio.studio(), [3])


def test_something_else_that_answers(studio: FakeLabelStudio) -> None:
    studio.refuse["GET /api/predictions/"] = httpx.Response(200, json={"page": 1})
    with pytest.raises(LabelStudioError, match="does not list predictions as Label Studio does"):
        ids_of_version(studio.studio(), 1, "sam-1")
