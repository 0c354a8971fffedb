"""Requests about tasks, read within bounds."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from deployments import loop_offload
from deployments.calls.large_values import LARGE
from protocol import brush_rle
from protocol.bodies.predict import read_predict
from protocol.click import read_click
from protocol.drawings import Drawing, Drawn
from protocol.mask_prompts import read
from testing.label_studio_requests import predict_body
from tests.deployments.ingress_door import REGION, Door

POSITIVE = predict_body()["params"]["context"]["result"][0]


async def test_only_what_costs_little_is_read_on_the_event_loop(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged by what it holds: a brush of a hundred bytes may be one of 89 megapixels."""
    threads: list[Any] = []

    async def noted(function: Any, *args: Any) -> Any:
        threads.append(function)
        return function(*args)

    for pool in (loop_offload._QUICK, loop_offload._COSTLY):
        monkeypatch.setattr(pool, "run", noted)
    await door.post("/predict", predict_body())
    await door.post("/predict", predict_body(context=None))
    await door.post("/setup", {"project": "1.1", "schema": predict_body()["label_config"]})
    await door.settle()
    assert threads == []
    rle = brush_rle.encode(np.ones((640, 960), np.bool_)).tolist()
    [prompt] = predict_body()["params"]["context"]["result"]
    brush = {**prompt, "type": "brushlabels", "value": {"rle": rle}}
    body = predict_body(context={"result": [brush]})
    assert len(json.dumps(body)) < 5000
    elsewhere: list[Drawing] = []

    def drawn(drawing: Drawing) -> Drawn:
        elsewhere.append(drawing)
        return read(drawing)

    monkeypatch.setattr(door.ingress.reader, "_draw", drawn)
    await door.post("/predict", body)
    assert [drawing.kind for drawing in elsewhere] == ["rle"]
    assert threads == [read_click]
    assert door.graph.clicks[-1][1].prompts[0].mask is not None
    body = predict_body()
    body["tasks"][0]["data"]["text"] = "x" * 2 * LARGE
    await door.post("/predict", body)
    assert threads[1:] == [read_predict, read_click]


async def test_a_request_without_a_labeling_config_uses_that_of_the_last_setup(door: Door) -> None:
    body = predict_body()
    config = body.pop("label_config")
    assert (await door.post("/predict", body)).json()["error"] == "bad_label_config"
    await door.post("/setup", {"project": "1.17", "schema": config})
    await door.settle()
    assert door.graph.configs == {"1": config}
    for given in (body, {**body, "label_config": None}, {**body, "label_config": " "}):
        assert (await door.post("/predict", given)).json()["results"][0]["result"] == [REGION]
    assert (await door.post("/predict", {**body, "project": "2"})).json()["error"] == "bad_label_config"
    await door.post("/predict", {**body, "params": {"context": None}})
    await door.settle()
    assert len(door.graph.warmed) == 1
    assert (await door.post("/embed", {**body, "params": None})).json()["results"][0]["state"] == "encoded"


async def test_what_another_replica_was_told_at_setup_counts_here() -> None:
    door = Door()
    body = predict_body()
    door.graph.configs["1"] = body.pop("label_config")
    assert (await door.post("/predict", body)).json()["results"][0]["result"] == [REGION]


@pytest.mark.parametrize("schema", ["", "<View></View>" + " " * 2**20])
async def test_a_config_that_is_none_is_not_handed_on(door: Door, schema: str) -> None:
    assert (await door.post("/setup", {"project": "1", "schema": schema})).status_code == 200
    body = {**predict_body(), "label_config": None}
    assert (await door.post("/predict", body)).json()["error"] == "bad_label_config"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused(announced: bool) -> None:
    door = Door(max_body_mib=1)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * 65536

    content = b" " * (17 * 65536) if announced else chunks()
    response = await door.client.post("/predict", content=content)
    assert (response.status_code, response.json()["error"]) == (413, "body_too_large")


async def ask(door: Door, headers: list[tuple[bytes, bytes]], *messages: dict[str, Any]) -> list[Any]:
    """What the application sends for a /predict that comes as these messages, headers as they are."""
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers, "query_string": b""}
    coming, sent = iter(messages), list[Any]()

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def send(message: Any) -> None:
        sent.append(message)

    await door.ingress.__serve_build_asgi_app__()(scope, receive, send)
    return sent


async def test_a_client_that_hangs_up_is_no_error(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    part = {"type": "http.request", "body": b'{"tasks"', "more_body": True}
    await ask(door, [], part, {"type": "http.disconnect"})
    await door.settle()
    assert (caplog.records, door.graph.failures) == ([], [])


@pytest.mark.parametrize("length", [b"9" * 5000, b"9" * 21, "²".encode("latin-1"), b"-1", b"x"])
async def test_a_length_that_is_no_number_of_bytes_is_no_error_of_ours(door: Door, length: bytes) -> None:
    body = {"type": "http.request", "body": json.dumps(predict_body()).encode()}
    start, _ = await ask(door, [(b"content-length", length)], body)
    assert start["status"] == (413 if length.isdigit() else 200)


@pytest.mark.parametrize(
    "body",
    [
        {**predict_body(), "project": 10**309},
        {**predict_body(), "project": "9" * 65},
        {**predict_body(), "tasks": [{"id": 10**309, "data": {"image": "a"}}]},
        {**predict_body(), "tasks": [{"id": 10**4299, "data": {"image": "a"}}]},
        *(predict_body(context={"result": [{**POSITIVE, key: 10**309}]}) for key in (
            "original_width", "original_height", "image_rotation", "item_index")),
        *(predict_body(context={"result": [{**POSITIVE, "value": {**POSITIVE["value"], key: 10**309}}]})
            for key in ("x", "y")),
        predict_body(login="x" * 301),
    ],
)  # fmt: skip
async def test_a_number_or_a_name_that_is_too_long_is_a_bad_request(door: Door, body: dict[str, Any]) -> None:
    sys.set_int_max_str_digits(0)
    response = await door.post("/predict", body)
    sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)
    assert (response.status_code, response.json()["error"]) == (400, "bad_request")
