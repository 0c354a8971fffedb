"""The protocol at the door: every route, every refusal, with the deployments behind it faked."""

import asyncio
import base64
import json
import logging
from typing import Any

import pytest

from deployments.http import reporter
from deployments.options import IngressOptions
from testing.canary import CANARY
from testing.label_studio_requests import predict_body
from tests.deployments.ingress_door import Door
from values.click_answer import QueueState
from values.errors import ImageUnauthorized, Overloaded, error_classes

POSITIVE = predict_body()["params"]["context"]["result"][0]

SETUP = {"project": "3.17", "schema": "<View/>", "access_token": CANARY}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/health", None),
        ("GET", "/versions", None),
        ("GET", "/metrics", None),
        ("GET", "/diagnose", None),
        ("POST", "/setup", {"project": "3.17", "schema": predict_body()["label_config"]}),
        ("POST", "/predict", predict_body()),
        ("POST", "/predict", {"tasks": 1}),
        ("POST", "/embed", predict_body(context=None)),
        ("POST", "/webhook", {"action": "START_TRAINING"}),
        ("GET", "/predict", None),
    ],
)
async def test_a_slash_at_the_end_changes_nothing(method: str, path: str, body: Any) -> None:
    """A redirect would lose the body, and lead to whatever host the request names."""
    answers = []
    for spelling in (path, path + "/"):
        content = None if body is None else json.dumps(body).encode()
        door = Door()
        answers.append(
            await door.client.request(method, spelling, content=content, headers={"host": "evil.example"})
        )
    plain, slashed = answers
    assert slashed.status_code == plain.status_code
    assert slashed.text.replace(path + "/", path) == plain.text
    assert "location" not in slashed.headers


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"{", 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b'{"tasks": 1}', 400, "bad_request"),
        (b'{"tasks": [], "x": NaN}', 400, "bad_request"),
        (b"[" * 100_000, 400, "bad_request"),
        ({**predict_body(), "label_config": "<View"}, 422, "bad_label_config"),
        ({**predict_body(), "label_config": None}, 422, "bad_label_config"),
        (
            {**predict_body(), "label_config": '<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>'},
            422,
            "bad_label_config",
        ),
        ({**predict_body(), "tasks": [{"id": 42, "data": {}}]}, 404, "image_missing"),
        (
            {**predict_body(), "tasks": [{"id": 42, "data": {"image": "file:///etc/passwd"}}]},
            403,
            "image_forbidden",
        ),
    ],
    ids=str,
)
async def test_bad_input_is_a_sentence(door: Door, body: Any, status: int, code: str) -> None:
    response = await door.post("/predict", body)
    assert (response.status_code, response.json()["error"]) == (status, code)
    assert len(response.json()["detail"]) > 20
    await door.settle()
    [failure] = door.graph.failures
    assert failure.sentence == response.json()["detail"]


async def test_a_failure_of_the_graph_keeps_its_sentence_and_is_logged(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.graph.error = ImageUnauthorized("cannot read the image of task 1: Label Studio answered 401")
    with caplog.at_level(logging.WARNING, logger="ray.serve"):
        response = await door.post("/predict", predict_body())
    assert (response.status_code, response.json()["error"]) == (502, "image_unauthorized")
    assert "task 1: Label Studio answered 401" in caplog.text


async def test_an_unforeseen_error_shows_no_traceback(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.graph.error = ZeroDivisionError("the canary")
    response = await door.post("/predict", predict_body())
    assert response.status_code == 500
    assert "canary" not in response.text


async def test_a_closed_door_is_closed_to_clicks_alone(door: Door) -> None:
    door.ingress.admission.heard(QueueState("decoder", 60.0, 0.1, 1.5))
    assert (await door.post("/predict", predict_body())).status_code == 503
    assert (await door.client.get("/health")).status_code == 200
    assert (await door.post("/setup", SETUP)).status_code == 200
    assert (await door.post("/webhook", {"action": "X", "project": {"id": 3}})).status_code == 200


async def test_many_refused_clicks_are_told_of_at_once(
    door: Door, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "EVERY_S", 0.0)
    door.ingress.admission.heard(QueueState("decoder", 60.0, 0.1, 1.5))
    with caplog.at_level(logging.WARNING, logger="ray.serve"):
        for _ in range(50):
            door.ingress.reporter.turned_away(Overloaded("too many clicks"))
        await door.settle()
    [failure] = door.graph.failures
    assert (failure.route, failure.code, failure.status) == ("/predict", "overloaded", 503)
    assert failure.sentence == "50 clicks in 0 s: too many clicks"
    assert failure.sentence in caplog.text
    door.ingress.reporter.turned_away(Overloaded("too many clicks"))
    await door.settle()
    assert len(door.graph.failures) == 2


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("POST", "/health", 405)])
async def test_unknown_routes_and_methods_are_json(door: Door, method: str, path: str, status: int) -> None:
    response = await door.client.request(method, path)
    assert response.status_code == status
    assert set(response.json()) == {"error", "detail"}


async def test_every_route_asks_for_the_credentials() -> None:
    door = Door(basic_auth_user="ünser", basic_auth_pass="päss")
    right = "Basic " + base64.b64encode("ünser:päss".encode()).decode()
    for path in ("/", "/health", "/versions", "/metrics", "/diagnose", "/nope"):
        refused = await door.client.get(path)
        assert (refused.status_code, refused.json()["error"]) == (401, "not_authenticated")
        assert refused.headers["www-authenticate"] == 'Basic realm="Login required"'
        assert (await door.client.get(path, headers={"authorization": right})).status_code in (200, 404)
    assert (await door.post("/webhook", {"action": "x"})).status_code == 401


def test_half_of_the_credentials_is_no_configuration() -> None:
    with pytest.raises(ValueError, match="basic_auth_pass"):
        IngressOptions(basic_auth_user="user")


def test_every_error_has_a_status_that_label_studio_takes_for_a_failure() -> None:
    assert all(error.status >= 400 for error in error_classes())


async def test_a_failure_reaches_the_journal_while_images_fill_the_background(door: Door) -> None:
    admission = asyncio.Event()
    while door.ingress.warming.background.start(admission.wait()):
        pass
    await door.post("/predict", b"{")
    await door.ingress.reporter.background.drain()
    assert [failure.code for failure in door.graph.failures] == ["bad_request"]
    admission.set()


async def test_what_a_client_names_is_short_and_on_one_line_wherever_it_goes(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    name = "a\n2026 ERROR forged\u2028\u202e" + "n" * 1000
    config = '<View><Image name="image" value="$image"/></View>'
    bodies: list[tuple[str, Any]] = [
        ("/predict", predict_body(context={"result": [{**POSITIVE, "to_name": name}]})),
        (
            "/predict",
            predict_body(context={"result": [{**POSITIVE, "type": "keypoint", "id": name, "value": 1}]}),
        ),
        ("/predict", {**predict_body(), "tasks": [{"id": name[:60], "data": {name: 1}}]}),
        ("/predict", {**predict_body(), "label_config": f"<View>{name}<{name}/>"}),
        ("/setup", {"project": "1", "schema": config, "hostname": name, "access_token": "t"}),
        ("/" + name.replace("\n", "%0A"), {}),
    ]
    answers = [(await door.post(path, body)).text for path, body in bodies]
    await door.settle()
    lines = [record.getMessage() for record in caplog.records]
    kept = [each.sentence for each in door.graph.failures]
    for text in (*answers, *lines, *kept):
        assert text.isprintable()
        assert len(text) < 1000
    assert len(kept) == 4
