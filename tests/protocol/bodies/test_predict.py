from __future__ import annotations

import copy
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.bodies.predict import ITEM_LIMIT, read_predict
from protocol.bodies.task import TASK_LIMIT
from protocol.click import read_click, read_images
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions
from protocol.variables import TaskData
from tests.protocol.support import INTERACTIVE, WITHOUT_PROMPTS, capture, capture_bytes, encoded
from values.errors import BadRequest, ServiceError


@pytest.mark.parametrize("name", INTERACTIVE)
def test_reads_real_interactive_requests(name: str) -> None:
    body = read_predict(capture_bytes(name))
    assert body.project_id in {"1", "2"}
    assert len(body.tasks) == 1
    assert isinstance(TaskData(body.tasks[0]).at("image"), str)
    assert [item.type for item in body.items] == [
        item["type"] for item in capture(name)["params"]["context"]["result"]
    ]


@pytest.mark.parametrize("name", WITHOUT_PROMPTS)
def test_reads_real_requests_without_prompts(name: str) -> None:
    body = read_predict(capture_bytes(name))
    assert body.items == ()
    assert body.tasks
    assert body.task_id == str(body.tasks[0].id)


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"context": None},
        {"context": {}},
        {"context": {"result": None}},
        {"context": {"result": []}},
        {"unknown": 1, "tasks": 2},
    ],
)
def test_tolerates_params_without_prompts(params: object) -> None:
    assert read_predict(encoded({"tasks": [], "params": params})).items == ()


def test_tolerates_missing_project_params_and_task_id() -> None:
    body = read_predict(b'{"tasks":[{"data":{"image":"a"}}, {"id":"x1"}, {"id":3,"data":null}]}')
    assert (body.project_id, body.label_config, body.task_id) == ("", None, "")
    assert [task.number for task in body.tasks] == [None, None, 3]


def test_reads_credentials() -> None:
    context = {"project_credentials_login": "a", "project_credentials_password": "b"}
    body = read_predict(encoded({"tasks": [], "params": {"context": context, "login": None}}))
    assert (body.login, body.password) == ("a", "b")
    body = read_predict(encoded({"tasks": [], "params": {"login": "l", "password": "secret"}}))
    assert (body.login, body.password) == ("l", "secret")
    assert "secret" not in repr(body)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "is empty"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b'{"tasks":[],"label_config":"\xff"}', "is not UTF-8"),
        (b"[]", "expected `object`, got `array` at $"),
        (b"{}", "missing required field `tasks`"),
        (b'{"tasks":null}', "at $.tasks"),
        (b'{"tasks":[{"id":1.5}]}', "at $.tasks[0].id"),
        (b'{"tasks":[{"data":[]}]}', "at $.tasks[0].data"),
        (b'{"tasks":[],"params":[]}', "at $.params"),
        (b'{"tasks":[],"params":{"context":[]}}', "at $.params.context"),
        (b'{"tasks":[],"params":{"context":{"result":{}}}}', "at $.params.context.result"),
        (b'{"tasks":[],"params":{"context":{"result":[{"type":5}]}}}', "at $.params.context.result[0].type"),
        (b'{"tasks":[],"params":{"context":{"result":[1]}}}', "at $.params.context.result[0]"),
        (b'{"tasks":[],"project":1e999}', "number out of range at $.project"),
        (b'{"tasks":[],"drafts":NaN}', "is not JSON"),
        (b'{"tasks":[],"x":Infinity}', "is not JSON"),
        (b'{"tasks":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "at $.tasks[0]"),
        (b'{"tasks":[],"drafts":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
        (
            b'{"tasks":[],"params":{"context":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}}",
            "nested too deeply",
        ),
    ],
)
def test_refuses_with_the_place_and_what_was_expected(body: bytes, sentence: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_predict(body)
    assert sentence in caught.value.detail
    assert caught.value.detail.startswith("the body of /predict")


def test_refuses_a_context_of_many_megabytes() -> None:
    with pytest.raises(BadRequest, match="over 16 MiB"):
        read_predict(b'{"tasks":[],"params":{"context":{"x":"' + b"a" * (17 << 20) + b'"}}}')


@pytest.mark.slow
def test_steps_over_64_megabytes_of_drafts() -> None:
    drafts = b"[255" + b",255" * (16 << 20) + b"]"
    body = b'{"tasks":[{"id":1,"drafts":[{"result":' + drafts + b'}],"data":{"image":"a"}}]}'
    assert len(body) > 64 << 20
    tracemalloc.start()
    read = read_predict(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert TaskData(read.tasks[0]).at("image") == "a"
    assert peak < 1 << 20


def test_as_many_tasks_and_items_as_a_request_may_have() -> None:
    """Two megabytes of empty tasks would take two hundred of memory: more are not even read."""
    tasks, items = b",".join([b"{}"] * TASK_LIMIT), b",".join([b'{"type":"x"}'] * ITEM_LIMIT)
    body = b'{"tasks":[%s],"params":{"context":{"result":[%s]}}}'
    read = read_predict(body % (tasks, items))
    assert (len(read.tasks), len(read.items)) == (TASK_LIMIT, ITEM_LIMIT)
    tracemalloc.start()
    with pytest.raises(BadRequest, match="over 10000 tasks; send fewer"):
        read_predict(body % (tasks + b",{}" * 700_000, b""))
    with pytest.raises(BadRequest, match=r"result has over 5000 items; send fewer"):
        read_predict(body % (b"{}", items + b',{"type":"x"}'))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 << 20
    drafts = b'{"tasks":[{"drafts":[%s]}]}' % tasks
    assert len(read_predict(drafts).tasks) == 1


_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e308, -1e308, 65536, 10**30, "", "keypointlabels", "brushlabels", "polygon", "labels"]),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from(["x", "rle", "points", "type"]), st.integers(), max_size=2),
)


def _places(node: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    if isinstance(node, dict | list):
        for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
            found += [(node, key), *_places(child)]
    return found


def _deep_places(body: Any) -> list[tuple[Any, Any]]:
    """Places of the whole body, those of the context most often."""
    return _places(body) + 4 * _places(body["params"])


OUTCOMES = {200, 400, 404, 422}


def outcome(body: bytes, options: ReadOptions) -> int:
    """The HTTP status that reading this body leads to."""
    try:
        read = read_predict(body)
        read_images(read, 10)
        read_click(read, draw, options)
    except ServiceError as error:
        return error.status
    return 200


@pytest.mark.slow
@settings(max_examples=200)
@given(
    name=st.sampled_from(INTERACTIVE),
    seed=st.integers(0, 2**32),
    junk=st.lists(_JUNK, min_size=1, max_size=4),
)
def test_a_mutated_request_raises_nothing_but_service_errors(name: str, seed: int, junk: list[Any]) -> None:
    choose = random.Random(seed)
    body = copy.deepcopy(capture(name))
    for value in junk:
        parent, key = choose.choice(_deep_places({"params": {}, **body}))
        if choose.random() < 0.2 and key in parent if isinstance(parent, dict) else False:
            del parent[key]
        elif isinstance(parent, dict) or key < len(parent):
            parent[key] = value
    for multi_box in ("last", "each"):
        assert outcome(encoded(body), ReadOptions.model_validate({"multi_box": multi_box})) in OUTCOMES


@settings(max_examples=100)
@given(name=st.sampled_from(INTERACTIVE), at=st.floats(0, 1), noise=st.binary(max_size=6))
def test_damaged_bytes_raise_nothing_but_service_errors(name: str, at: float, noise: bytes) -> None:
    body = capture_bytes(name)
    place = int(at * len(body))
    for damaged in (body[:place], body[:place] + noise + body[place + len(noise) :]):
        assert outcome(damaged, ReadOptions()) in OUTCOMES
