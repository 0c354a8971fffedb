from __future__ import annotations

import json
from typing import Any

import pytest

from protocol.bodies.annotated import Annotated, newest_results, read_annotated, versions_in
from tests.protocol.support import capture_bytes, encoded
from values.errors import BadRequest

KINDS = frozenset({"rectangle"})


def results(listed: Any, kinds: frozenset[str] = KINDS) -> list[Any]:
    return [json.loads(bytes(each)) for each in newest_results(encoded(listed), kinds, lambda _: True)]


def box(name: str) -> dict[str, Any]:
    return {"id": name, "type": "rectanglelabels", "value": {}}


def test_the_newest_with_a_region_of_the_kind_counts_and_its_labels_and_clicks_come_along() -> None:
    click = {"id": "k", "type": "keypointlabels"}
    labels = {"id": "b", "type": "labels", "value": {"labels": ["Cat"]}}
    listed = [
        {"id": 7, "result": [{"id": "n", "type": "choices"}, labels]},
        {"id": 5, "result": [box("b"), click, {"id": "v", "type": "vectorlabels"}, labels]},
        {"id": 3, "result": [box("older")]},
    ]
    assert results(listed) == [box("b"), click, labels]


def test_who_asks_says_which_count() -> None:
    listed = encoded(
        [{"id": 2, "was_cancelled": True, "result": [box("a")]}, {"id": 1, "result": [box("b")]}]
    )

    def no_skips(each: Annotated) -> bool:
        return not each.was_cancelled

    [raw] = newest_results(listed, KINDS, no_skips)
    assert json.loads(bytes(raw)) == box("b")


@pytest.mark.parametrize(
    "listed",
    [
        None,
        {},
        [1, 2],
        "text",
        [{"id": 1, "result": None}],
        [{"id": 1, "result": {"rectangle": 3}}],
        [{"id": "one", "result": [box("a")]}],
        [{"id": 1, "result": [3, None, {"type": 4}, {}]}],
    ],
)
def test_what_is_stored_may_have_any_shape(listed: Any) -> None:
    assert results(listed) == []


def test_the_versions_of_predictions() -> None:
    listed = [{"id": 1, "model_version": "a"}, {"id": 2, "model_version": None}, {"id": 3}, 4]
    assert versions_in(encoded(listed)) == {"a", ""}
    assert versions_in(b"null") == frozenset()


def test_what_label_studio_sends_to_retrieve_predictions() -> None:
    tasks = read_annotated(capture_bytes("retrieve_predictions"), "the body")
    assert [(task.id, bytes(task.annotations), bytes(task.predictions)) for task in tasks] == [
        (6, b"[]", b"[]"),
        (7, b"[]", b"[]"),
    ]


def test_what_is_kept_is_a_copy() -> None:
    body = encoded([{"id": 1, "result": [box("a")]}])
    [raw] = newest_results(body, KINDS, lambda _: True)
    assert len(memoryview(raw).obj) < len(body)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"tasks": [{"data": 3}]}', b'{"tasks": 3}'])
def test_what_is_no_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_annotated(body, "the body")
