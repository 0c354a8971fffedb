from __future__ import annotations

import time
from typing import Any

import pytest

from protocol import variables
from protocol.bodies.predict import read_predict
from protocol.variables import (
    BRACKET_LIMIT,
    COLON_LIMIT,
    COMMA_LIMIT,
    VARIABLE_LIMIT,
    Absent,
    TaskData,
    kind_of,
    resolve,
    variables_of,
)
from tests.protocol.support import EDITOR, task_data
from values.errors import BadLabelConfig, BadRequest, ImageTooLarge

DATA = {"meta": {"uri": "x", "size": 5}, "images": ["a", {"page": "b"}], "none": None, "name": "cat"}


@pytest.mark.parametrize(("value", "shown"), EDITOR["values"], ids=str)
def test_a_value_is_what_the_editor_makes_of_it(value: str, shown: object) -> None:
    """Where something is missing the editor shows nothing, or an address with "undefined" in it."""
    found = resolve(value, task_data(EDITOR["data"]))
    missing = shown == "" or (isinstance(shown, str) and "undefined" in shown)
    assert isinstance(found, Absent) if missing else found == shown


@pytest.mark.parametrize(
    ("value", "place", "problem"),
    [
        (
            "$image",
            'data["image"]',
            'missing: the task has "meta", "images", "none", "name"; import the task',
        ),
        ("$meta.url", 'data["meta"]["url"]', 'missing: data["meta"] has "uri", "size"; import the task'),
        ("$images[2]", 'data["images"][2]', 'missing: data["images"] has 2 items'),
        ("$images[0].page", 'data["images"][0]["page"]', 'missing: data["images"][0] is text'),
        ("$images[1].page.x", 'data["images"][1]["page"]["x"]', 'data["images"][1]["page"] is text'),
        ("$meta.size.x", 'data["meta"]["size"]["x"]', 'data["meta"]["size"] is a number'),
        ("$none", 'data["none"]', "is missing: it is null"),
        ("$none.x", 'data["none"]["x"]', 'data["none"] is null'),
        ("https://h/$name/$nothing", 'data["nothing"]', "is missing: the task has"),
        ("https://h/$images", 'data["images"]', "has 2 items, which is no text"),
        ("https://h/$meta", 'data["meta"]', 'has "uri", "size", which is no text'),
    ],
)
def test_what_is_missing_is_told_with_what_is_there(value: str, place: str, problem: str) -> None:
    found = resolve(value, task_data(DATA))
    assert isinstance(found, Absent)
    assert found.place == place
    assert problem in found.problem
    assert "cat" not in found.problem


@pytest.mark.parametrize(("data", "there"), [(None, "no data"), ({}, "no data"), ({"a\nb": 1}, '"a\\nb"')])
def test_a_task_with_other_data_or_none(data: object, there: str) -> None:
    found = resolve("$image", task_data(data))
    assert isinstance(found, Absent)
    assert f"the task has {there};" in found.problem


def test_of_many_keys_some_are_told() -> None:
    found = resolve("$image", task_data({"k" * 100 + str(number): 1 for number in range(1000)}))
    assert isinstance(found, Absent)
    assert "and 992 more" in found.problem
    assert len(found.problem) < 500


def test_every_kind_of_value_has_a_name() -> None:
    values: tuple[object, ...] = (None, True, 1, 1.5, "x", [], {})
    named = [kind_of(value) for value in values]
    assert len(set(named)) == len(named) - 1


def test_whether_a_value_depends_on_the_task() -> None:
    assert [variables_of(value) for value in ("$a", "x$a", "a", "$ a")] == [True, True, False, False]


@pytest.mark.parametrize(
    "value",
    [
        "$a" * (VARIABLE_LIMIT + 1),
        "x" + "$a" * 500_000,
        "$" + ".a" * 500_000,
        "$" + "[a]" * 40,
        "$" + "a" * 500_000,
    ],
)
def test_more_variables_or_steps_than_a_config_has_are_refused_at_once(value: str) -> None:
    started = time.process_time()
    with pytest.raises(BadLabelConfig, match=r"more than (32|1000) "):
        resolve(value, task_data({"a": "x" * 1000}))
    assert time.process_time() - started < 1


def test_as_many_as_are_allowed() -> None:
    assert resolve("$a" * VARIABLE_LIMIT, task_data({"a": "x"})) == "x" * VARIABLE_LIMIT
    nested: Any = "deep"
    for _ in range(VARIABLE_LIMIT - 1):
        nested = {"a": nested}
    assert resolve("$" + ".".join("a" * VARIABLE_LIMIT), task_data({"a": nested})) == "deep"


def test_text_that_variables_blow_up_is_not_made() -> None:
    data = task_data({"a": "x" * 2**16})
    assert resolve("data:$a", data) == "data:" + "x" * 2**16
    with pytest.raises(ImageTooLarge, match="over 64 Ki"):
        resolve("$a$a", data)


def test_a_whole_file_may_stand_around_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "TEXT_LIMIT", 2**20)
    assert len(str(resolve("x$a", task_data({"a": "x" * (2**20 - 1)})))) == 2**20
    with pytest.raises(ImageTooLarge, match="over 1024 Ki"):
        resolve("x$a", task_data({"a": "x" * 2**20}))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({f"k{number}": 1 for number in range(COLON_LIMIT + 1)}, "data of task 7 have over 100000 keys"),
        ({"a": [[]] * BRACKET_LIMIT}, "data.a of task 7 has over 10000 lists"),
        ({"a": [{}] * BRACKET_LIMIT}, "data.a of task 7 has over 10000 lists"),
        ({"a": [1] * (COMMA_LIMIT + 2)}, "or 100000 items"),
    ],
)
def test_data_that_take_long_to_decode_are_refused(data: object, problem: str) -> None:
    found = task_data(data)
    for _ in range(2):
        with pytest.raises(BadRequest, match=problem):
            resolve("$a", found)


def test_long_text_is_as_cheap_as_it_is_long() -> None:
    assert resolve("$a", task_data({"a": "[,]" * COMMA_LIMIT})) == "[,]" * COMMA_LIMIT
    pages = [f"/page/{number}.png" for number in range(BRACKET_LIMIT)]
    assert resolve("$a", task_data({"a": pages})) == pages


def test_data_are_decoded_once_and_late() -> None:
    [task] = read_predict(b'{"tasks": [{"id": 7, "data": {"good": ["a"], "bad": 1e999}}]}').tasks
    found = TaskData(task)
    assert found.at("good") is found.at("good")
    with pytest.raises(BadRequest, match=r"data\.bad of task 7"):
        found.at("bad")
