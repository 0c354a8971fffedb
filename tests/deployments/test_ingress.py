"""The protocol at the door: every route, every refusal, with the deployments behind it faked."""

import asyncio
import base64
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any

import httpx
import numpy as np
import pytest

from deployments import off_loop
from deployments.calls.large_values import LARGE, Parcel
from deployments.http import gate, reporter
from deployments.http.entrance import ADDRESS
from deployments.ingress import AHEAD, Ingress
from deployments.metrics import Meters
from deployments.options import IngressOptions
from deployments.running_mean import RunningMean
from imaging.options import ImageOptions
from protocol import brush_rle
from protocol.bodies.predict import read_predict
from protocol.click import Click, read_click
from protocol.drawings import Drawing, Drawn
from protocol.mask_prompts import read
from protocol.options import ReadOptions
from segmenters import registry
from segmenters.options import ModelOptions
from testing.canary import CANARY
from testing.deployment_fakes import Handle
from testing.label_studio_requests import predict_body
from values.click_answer import Busy, ClickAnswer, QueueState
from values.errors import BadRequest, ImageTimeout, ImageUnauthorized, NotKept, Overloaded, error_classes
from values.image import ImageSource
from values.priority import Priority

REGION = {"id": "0123456789", "type": "brushlabels", "value": {"brushlabels": ["Object"]}}


class Graph:
    """What stands behind the door: remembers what it was asked, answers or fails as told."""

    def __init__(self) -> None:
        self.clicks: list[tuple[str, Click]] = []
        self.warmed: list[tuple[str, ImageSource]] = []
        self.failures: list[Any] = []
        self.warnings: dict[str, list[str]] = {}
        self.tokens: dict[str, str] = {}
        self.configs: dict[str, str] = {}
        self.regions: list[dict[str, Any]] = [REGION]
        self.priorities: list[Priority] = []
        self.storing = 0
        self.most_storing = 0
        self.left_s: list[float] = []
        self.error: Exception | None = None
        self.version = "classical-1"
        self.queue = QueueState("decoder", 0.0, 0.1, 1.5)
        self.busy = False
        self.during_click: Callable[[], None] = lambda: None
        self.gate = asyncio.Event()
        self.gate.set()
        self.stored: set[str] = set()
        self.forgetting: list[str] = []
        self.decoder = Handle(
            {
                "click": self._click,
                "warm": self._warm,
                "store": self._store,
                "forget": self._forget,
                "ready": self._ready,
            }
        )
        self.fetcher = Handle({"check": self._check})
        self.journal = Handle(
            {
                "record": self._record,
                "warn": self._warn,
                "offer": self._offer,
                "configure": self._configure,
                "configured": self._configured,
                "failures": self._failures,
                "warnings": self._warnings,
            }
        )

    async def _click(self, key: str, click: Click, parcel: Parcel, left_s: float) -> ClickAnswer | Busy:
        assert parcel == []
        self.left_s.append(left_s)
        self.clicks.append((key, click))
        self.during_click()
        if self.error is not None:
            raise self.error
        if self.busy:
            return Busy(self.queue)
        regions = [dict(region) for region in self.regions]
        seconds = {"embedding": 0.0, "decode": 0.001}
        return ClickAnswer(regions, 0.9, True, seconds, self.version, self.queue)

    async def _warm(
        self, key: str, source: ImageSource, parcel: Parcel, priority: Priority, left_s: float
    ) -> bool:
        assert parcel == []
        self.priorities.append(priority)
        self.warmed.append((key, source))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return False

    async def _store(self, key: str, source: ImageSource, parcel: Parcel, left_s: float) -> bool:
        self.storing += 1
        self.most_storing = max(self.most_storing, self.storing)
        await self.gate.wait()
        self.storing -= 1
        if self.error is not None:
            raise self.error
        there = key in self.stored
        self.stored.add(key)
        return there

    async def _forget(self, key: str) -> bool:
        if self.error is not None:
            raise self.error
        self.forgetting.append(key)
        there = key in self.stored
        self.stored.discard(key)
        return there

    async def _ready(self) -> str:
        return "ready"

    async def _check(self) -> str:
        raise ImageUnauthorized("Label Studio answered 401")

    async def _record(self, failure: Any) -> None:
        self.failures.append(failure)

    async def _warn(self, project: str, sentences: list[str]) -> None:
        self.warnings[project] = sentences

    async def _offer(self, project: str, token: str) -> None:
        self.tokens[project] = token

    async def _configure(self, project: str, label_config: str) -> None:
        self.configs[project] = label_config

    async def _configured(self, project: str) -> str | None:
        return self.configs.get(project)

    async def _failures(self, project: str | None) -> dict[str, list[Any]]:
        return {"3": self.failures}

    async def _warnings(self, project: str | None) -> dict[str, list[str]]:
        return self.warnings


class Door:
    """An ingress, its client and the graph behind it."""

    def __init__(self, images: dict[str, Any] | None = None, **options: Any) -> None:
        self.graph = Graph()
        self.ingress = Ingress(
            IngressOptions(**options),
            ImageOptions.model_validate({"label_studio_url": "http://127.0.0.1:8080", **(images or {})}),
            ReadOptions(),
            registry.choose(ModelOptions(model="classical")).served,
            self.graph.decoder,
            self.graph.fetcher,
            self.graph.journal,
        )
        app = self.ingress.__serve_build_asgi_app__()

        async def entrance(scope: Any, receive: Any, send: Any) -> None:
            scope[ADDRESS] = dict(scope["headers"]).get(b"x-client-address", b"127.0.0.1").decode()
            await app(scope, receive, send)

        transport = httpx.ASGITransport(entrance)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://backend")

    async def post(self, path: str, body: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content)

    async def settle(self) -> None:
        await self.ingress.warming.background.drain()
        await self.ingress.reporter.background.drain()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door()
    async with door.client:
        yield door


async def test_a_click_becomes_a_prediction(door: Door) -> None:
    response = await door.post("/predict", predict_body())
    assert response.status_code == 200
    [prediction] = response.json()["results"]
    assert prediction == {"model_version": "classical-1", "score": 0.9, "result": [REGION]}
    [(key, click)] = door.graph.clicks
    assert (len(key), click.width, click.height, len(click.prompts)) == (40, 960, 640, 1)
    assert {"session_id": key} in door.graph.decoder.chosen
    assert "decode;dur=1.00" in response.headers["server-timing"]
    assert "cache;desc=hit" in response.headers["server-timing"]


async def test_only_what_costs_little_is_read_on_the_event_loop(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged by what it holds: a brush of a hundred bytes may be one of 89 megapixels."""
    threads: list[Any] = []

    def noted(function: Any, *args: Any) -> Any:
        threads.append(function)
        done: Future[Any] = Future()
        done.set_result(function(*args))
        return done

    for pool in (off_loop._QUICK, off_loop._DEAR):
        monkeypatch.setattr(pool, "submit", noted)
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


async def test_the_same_image_of_another_project_has_another_key(door: Door) -> None:
    await door.post("/predict", predict_body())
    await door.post("/predict", {**predict_body(), "project": "99.1"})
    [(one, _), (other, _)] = door.graph.clicks
    assert one != other


async def test_opening_a_task_answers_nothing_and_warms_its_image(door: Door) -> None:
    response = await door.post("/predict", predict_body(context=None))
    assert (response.status_code, response.json()) == (200, {"results": []})
    await door.settle()
    await door.post("/predict", predict_body())
    assert [key for key, _ in door.graph.warmed] == [key for key, _ in door.graph.clicks]
    assert door.graph.priorities == [Priority.OPENED]


REPEATED = (
    '<View><Repeater on="$pages"><Image name="p{{idx}}" value="$pages[{{idx}}].url"/></Repeater></View>'
)


async def test_images_of_a_repeater_are_warmed_and_stored(door: Door) -> None:
    pages = [{"url": f"/data/upload/1/{number}.png"} for number in range(3)]
    body = {**predict_body(context=None), "label_config": REPEATED}
    body["tasks"] = [{"id": 1, "data": {"pages": pages}}]
    await door.post("/predict", body)
    await door.settle()
    assert [source.value for _, source in door.graph.warmed] == [page["url"] for page in pages]
    assert len((await door.post("/embed", body)).json()["results"]) == 3


async def test_a_batch_warms_at_most_what_the_setting_says() -> None:
    door = Door(warm_images=3)
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "id": n, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(250)]
    response = await door.post("/predict", body)
    await door.settle()
    assert response.json() == {"results": []}
    assert len(door.graph.warmed) == 3
    assert door.graph.priorities == [Priority.NEXT] * 3


async def test_few_images_that_nobody_waits_for_are_with_the_decoders_at_once() -> None:
    door = Door(warm_images=2 * AHEAD)
    door.graph.gate.clear()
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [
        {**task, "id": n, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(2, 2 + 2 * AHEAD)
    ]
    await door.post("/predict", body)
    await door.post("/predict", predict_body(context=None))
    while Priority.OPENED not in door.graph.priorities:
        await asyncio.sleep(0)
    assert door.graph.priorities.count(Priority.NEXT) == AHEAD // 2  # all are of one project
    door.graph.gate.set()
    await door.settle()
    assert door.graph.priorities.count(Priority.NEXT) == 2 * AHEAD


async def test_an_image_that_cannot_be_warmed_is_a_failure_of_its_task(door: Door) -> None:
    door.graph.error = ImageUnauthorized("Label Studio answered 401; set LABEL_STUDIO_API_KEY")
    response = await door.post("/predict", predict_body(context=None))
    await door.settle()
    assert response.status_code == 200
    [failure] = door.graph.failures
    assert (failure.route, failure.project, failure.task) == ("warm", "1", "1")


async def test_more_tasks_than_prompts_get_empty_results(door: Door) -> None:
    body = predict_body()
    body["tasks"] = body["tasks"] * 3
    results = (await door.post("/predict", body)).json()["results"]
    assert [len(each["result"]) for each in results] == [1, 0, 0]


POSITIVE = predict_body()["params"]["context"]["result"][0]
IMAGE_ONLY = '<View><Image name="image" value="$image"/></View>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({**predict_body(), "label_config": IMAGE_ONLY}, "no control for the image"),
        ({**predict_body(), "label_config": "<View></View>"}, "has no <Image"),
        (predict_body(context={"result": [{**POSITIVE, "is_positive": False}]}), "ask for no mask"),
        (predict_body(context={"result": [{**POSITIVE, "to_name": "a\nb"}]}), 'no <Image name="a\\nb">'),
    ],
)
async def test_a_click_that_asks_for_nothing_stands_in_the_log_and_the_journal(
    door: Door, body: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="ray.serve"):
        response = await door.client.post(
            "/predict", content=json.dumps(body), headers={"x-request-id": "i" * 100}
        )
    assert response.status_code == 200
    assert response.json()["results"] == [{"model_version": "classical-1", "score": 0.0, "result": []}]
    await door.settle()
    [failure] = door.graph.failures
    assert (failure.route, failure.code, failure.status) == ("/predict", "no_mask", 200)
    assert (failure.project, failure.task, len(failure.request_id)) == ("1", "1", 64)
    assert reason in failure.sentence
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert line == f"/predict answered 200 no_mask (project 1, task 1): {failure.sentence}"
    assert "\n" not in line


async def test_a_click_whose_mask_is_empty_is_one_without_a_mask(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[tuple[str, str]] = []
    monkeypatch.setattr(Meters, "request", lambda meters, route, code: counted.append((route, code)))
    await door.post("/predict", predict_body())
    door.graph.regions = []
    response = await door.post("/predict", predict_body())
    await door.settle()
    assert response.json()["results"][0]["result"] == []
    [failure] = door.graph.failures
    assert (failure.code, failure.task) == ("no_mask", "1")
    assert "<BrushLabels>" in failure.sentence
    assert counted == [("/predict", "ok"), ("/predict", "no_mask")]


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


async def test_overload_says_when_to_come_back(door: Door) -> None:
    door.graph.error = Overloaded("too much is waiting; try again")
    response = await door.post("/predict", predict_body())
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


async def test_a_click_whose_decoder_is_busy_is_refused_and_the_next_one_is_not_even_read(door: Door) -> None:
    door.graph.busy, door.graph.queue = True, QueueState("decoder", 60.0, 0.1, 1.5)
    first = await door.post("/predict", predict_body())
    again = await door.post("/predict", b"{")
    assert {(each.status_code, each.headers["retry-after"]) for each in (first, again)} == {(503, "2")}
    assert first.json() == again.json()
    assert first.json()["error"] == "overloaded"
    assert len(door.graph.clicks) == 1


async def test_a_closed_door_is_closed_to_clicks_alone(door: Door) -> None:
    door.ingress.gate.heard(QueueState("decoder", 60.0, 0.1, 1.5))
    assert (await door.post("/predict", predict_body())).status_code == 503
    assert (await door.client.get("/health")).status_code == 200
    assert (await door.post("/setup", SETUP)).status_code == 200
    assert (await door.post("/webhook", {"action": "X", "project": {"id": 3}})).status_code == 200


async def test_an_answer_tells_the_door_how_long_the_queue_is(door: Door) -> None:
    door.graph.queue = QueueState("decoder", 60.0, 0.1, 1.5)
    assert (await door.post("/predict", predict_body())).status_code == 200
    assert door.ingress.gate.is_closed()


async def test_a_click_on_its_way_to_a_decoder_counts(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "UNREAD_S", -1.0)  # what has not been read counts no more
    door.ingress.gate.heard(QueueState("decoder", 1.0, 1000.0, 1.5))
    closed: list[bool] = []
    door.graph.during_click = lambda: closed.append(door.ingress.gate.is_closed())
    await door.post("/predict", predict_body())
    assert closed == [True]


async def test_clicks_whose_image_cannot_be_had_count_for_less(door: Door) -> None:
    door.ingress.gate._decoded = RunningMean(1.0, start=1.0)
    door.graph.error = ImageTimeout("the host is silent")
    assert (await door.post("/predict", predict_body())).status_code == 504
    door.ingress.gate._decoded = RunningMean(0.0, start=door.ingress.gate._decoded.value)
    door.ingress.gate.heard(QueueState("decoder", 1.0, 1000.0, 1.5))
    assert (await door.post("/predict", predict_body())).status_code == 504
    assert not door.ingress.gate.is_closed()


async def test_opened_tasks_and_bad_requests_are_not_taken_for_clicks(door: Door) -> None:
    door.ingress.gate.heard(QueueState("decoder", 1.0, 0.1, 1.5))
    for body in [predict_body(context=None), b"{"] * 10:
        await door.post("/predict", body)
    assert not door.ingress.gate.is_closed()
    assert door.ingress.gate.inside == 0


async def test_many_refused_clicks_are_told_of_at_once(
    door: Door, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "EVERY_S", 0.0)
    door.ingress.gate.heard(QueueState("decoder", 60.0, 0.1, 1.5))
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


@pytest.mark.parametrize("path", ["/", "/health"])
async def test_health(door: Door, path: str) -> None:
    health = (await door.client.get(path)).json()
    assert (health["status"], health["model_version"]) == ("UP", "classical-1")


@pytest.mark.parametrize(
    ("body", "warns"),
    [
        ({"project": "3.17", "schema": predict_body()["label_config"], "extra_params": None}, False),
        ({"project": "3.17", "schema": predict_body()["label_config"], "extra_params": {"a": 1}}, False),
        ({"project": "3.17", "schema": predict_body()["label_config"], "extra_params": '{"a": 1}'}, False),
        ({"project": "3.17", "schema": "<View></View>"}, True),
        ({"project": "3.17", "schema": ""}, True),
        ({"schema": "<View"}, True),
    ],
)
async def test_setup_answers_whatever_the_config(door: Door, body: dict[str, Any], warns: bool) -> None:
    response = await door.post("/setup", body)
    assert response.status_code == 200
    assert response.json()["model_version"] == "classical-1"
    assert bool(response.json()["warnings"]) == warns
    await door.settle()
    assert door.graph.warnings == {body.get("project", "").split(".")[0]: response.json()["warnings"]}


SETUP = {"project": "3.17", "schema": "<View/>", "access_token": CANARY}


@pytest.mark.parametrize("hostname", ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "https://studio/x"])
async def test_the_token_of_setup_is_kept_when_an_operator_wants_it(hostname: str) -> None:
    door = Door({"use_setup_token": True, "label_studio_aliases": "https://studio/x"})
    response = await door.post("/setup", {**SETUP, "hostname": hostname})
    await door.settle()
    assert door.graph.tokens == {"3": CANARY}
    assert CANARY not in response.text


async def test_a_token_that_is_too_long_for_one_is_not_kept() -> None:
    door = Door({"use_setup_token": True})
    long = {**SETUP, "hostname": "http://127.0.0.1:8080", "access_token": CANARY * 1000}
    response = await door.post("/setup", long)
    await door.settle()
    assert door.graph.tokens == {}
    assert "over 4096 bytes" in response.json()["warnings"][-1]
    assert CANARY not in response.text


@pytest.mark.parametrize("hostname", ["http://localhost:8080", "http://evil.example", "", "127.0.0.1:8080"])
async def test_the_token_of_another_label_studio_is_not_kept(hostname: str) -> None:
    door = Door({"use_setup_token": True})
    response = await door.post("/setup", {**SETUP, "hostname": hostname})
    await door.settle()
    assert door.graph.tokens == {}
    assert any("LABEL_STUDIO_ALIASES" in warning for warning in response.json()["warnings"])
    assert CANARY not in response.text


async def test_the_token_of_setup_is_not_even_read_by_default(door: Door) -> None:
    await door.post("/setup", {**SETUP, "hostname": "http://127.0.0.1:8080"})
    await door.settle()
    assert door.graph.tokens == {}


@pytest.mark.parametrize(
    ("action", "status", "answer"),
    [
        ("ANNOTATION_CREATED", 201, {"result": None, "status": "ok"}),
        ("START_TRAINING", 201, {"result": None, "status": "ok"}),
        ("PROJECT_UPDATED", 200, {"status": "Unknown event"}),
    ],
)
async def test_webhooks(door: Door, action: str, status: int, answer: dict[str, Any]) -> None:
    response = await door.post("/webhook", {"action": action, "project": {"id": 3}})
    assert (response.status_code, response.json()) == (status, answer)
    assert (await door.post("/webhook", {"project": {"id": 3}})).status_code == 400


async def test_versions_and_metrics(door: Door) -> None:
    assert (await door.client.get("/versions")).json()["versions"] == ["classical-1"]
    assert (await door.client.get("/metrics")).json() == {}


async def test_diagnose_gathers_what_answers_and_says_what_does_not(door: Door) -> None:
    await door.post("/predict", b"{")
    await door.settle()
    report = (await door.client.get("/diagnose?project=3")).json()
    assert report["models"] == "ready"
    assert report["label_studio"] == "Label Studio answered 401"
    assert report["recent_failures"]["3"][0]["code"] == "bad_request"


@pytest.mark.parametrize(
    "headers", [{"x-client-address": "10.0.0.1"}, {"x-forwarded-for": "10.0.0.1"}, {"via": "1.1 proxy"}]
)
async def test_who_asks_from_elsewhere_is_told_what_answers_and_no_names(
    door: Door, headers: dict[str, str]
) -> None:
    door.graph.error = ImageUnauthorized("s3://bucket wants a token")
    await door.post("/predict", predict_body())
    await door.settle()
    report = (await door.client.get("/diagnose?project=3", headers=headers)).json()
    assert report.pop("model")["model"] == "classical"
    assert report.pop("more")
    assert report == {
        "models": "answers",
        "label_studio": "does not answer as it should",
        "recent_failures": {"image_unauthorized": 1},
    }


async def test_who_has_the_password_is_told_all_wherever_from() -> None:
    door = Door(basic_auth_user="user", basic_auth_pass="pass")
    headers = {"x-client-address": "10.0.0.1"}
    report = (await door.client.get("/diagnose", headers=headers, auth=("user", "pass"))).json()
    assert report["label_studio"] == "Label Studio answered 401"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("POST", "/health", 405)])
async def test_unknown_routes_and_methods_are_json(door: Door, method: str, path: str, status: int) -> None:
    response = await door.client.request(method, path)
    assert response.status_code == status
    assert set(response.json()) == {"error", "detail"}


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused(announced: bool) -> None:
    door = Door(max_body_mib=1)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * 65536

    content = b" " * (17 * 65536) if announced else chunks()
    response = await door.client.post("/predict", content=content)
    assert (response.status_code, response.json()["error"]) == (413, "body_too_large")


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
    gate = asyncio.Event()
    while door.ingress.warming.background.start(gate.wait()):
        pass
    await door.post("/predict", b"{")
    await door.ingress.reporter.background.drain()
    assert [failure.code for failure in door.graph.failures] == ["bad_request"]
    gate.set()


async def test_embed_says_of_each_image_what_became_of_it(door: Door) -> None:
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "id": n, "data": {"image": f"/data/upload/1/{n}.png"}} for n in (1, 2)]
    first = await door.post("/embed", body)
    assert first.json() == {"results": [{"task": n, "state": "encoded"} for n in (1, 2)]}
    body["tasks"].append({**task, "id": 3, "data": {"image": "/data/upload/1/3.png"}})
    again = await door.post("/embed", body)
    assert [each["state"] for each in again.json()["results"]] == ["stored", "stored", "encoded"]


async def test_embed_refuses_more_images_than_it_would_answer_for(door: Door) -> None:
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(101)]
    assert (await door.post("/embed", body)).status_code == 400
    assert door.graph.stored == set()


async def test_embed_goes_on_after_an_image_that_cannot_be_read(door: Door) -> None:
    door.graph.error = ImageUnauthorized("Label Studio answered 401; set LABEL_STUDIO_API_KEY")
    response = await door.post("/embed", predict_body(context=None))
    await door.settle()
    [result] = response.json()["results"]
    assert (response.status_code, result["state"], result["error"]) == (200, "failed", "image_unauthorized")
    assert "LABEL_STUDIO_API_KEY" in result["detail"]
    [failure] = door.graph.failures
    assert (failure.route, failure.task) == ("/embed", "1")


@pytest.mark.parametrize(
    ("error", "status"),
    [(BadRequest("set DURABLE"), 400), (NotKept("DURABLE"), 503), (Overloaded("too much waits"), 503)],
)
async def test_embed_fails_as_a_whole_for_what_is_no_images_fault(
    door: Door, error: Exception, status: int
) -> None:
    door.graph.error = error
    assert (await door.post("/embed", predict_body(context=None))).status_code == status


async def test_of_a_project_only_so_many_images_are_stored_at_once(door: Door) -> None:
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(100)]
    door.graph.gate.clear()
    storing = asyncio.create_task(door.post("/embed", body))
    while door.graph.storing < AHEAD // 2:
        await asyncio.sleep(0)
    other = asyncio.create_task(door.post("/embed", {**predict_body(context=None), "project": "99.1"}))
    while door.graph.storing == AHEAD // 2:
        await asyncio.sleep(0)
    door.graph.gate.set()
    assert len((await storing).json()["results"]) == 100
    assert (await other).status_code == 200
    assert door.graph.most_storing == AHEAD // 2 + 1


async def test_embed_answers_in_time_whatever_the_encoders_do() -> None:
    door = Door(predict_timeout_s=0.05)
    door.graph.gate.clear()
    response = await door.post("/embed", predict_body(context=None))
    assert (response.status_code, response.json()["error"]) == (504, "deadline_exceeded")
    assert "send the request again" in response.json()["detail"]


async def test_the_decoder_is_told_how_long_somebody_waits(door: Door) -> None:
    await door.post("/predict", predict_body())
    [left_s] = door.graph.left_s
    assert 0 < left_s <= IngressOptions().predict_timeout_s


async def test_a_mask_has_the_version_of_the_model_that_made_it(door: Door) -> None:
    door.graph.version = "the-new-one-2"
    [prediction] = (await door.post("/predict", predict_body())).json()["results"]
    assert prediction["model_version"] == "the-new-one-2"


async def test_forget_counts_what_there_was_and_leaves_the_rest(door: Door) -> None:
    body = predict_body(context=None)
    [task] = body["tasks"]
    tasks = [{**task, "id": n, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(1, 21)]
    await door.post("/embed", {**body, "tasks": tasks})
    refused = {**task, "id": 99, "data": {"image": "file:///etc/passwd"}}
    response = await door.post("/forget", {**body, "tasks": [*tasks[:12], refused]})
    assert (response.status_code, response.json()) == (200, {"forgotten": 12})
    assert len(door.graph.stored) == 8
    assert {"session_id": door.graph.forgetting[0]} in door.graph.decoder.chosen
    assert (await door.post("/forget", {**body, "tasks": tasks})).json() == {"forgotten": 8}
    assert (await door.post("/forget", {**body, "project": "2", "tasks": tasks})).json() == {"forgotten": 0}


async def test_forget_needs_tasks_and_not_too_many(door: Door) -> None:
    assert (await door.post("/forget", {"project": "1"})).status_code == 400
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(1001)]
    assert (await door.post("/forget", body)).status_code == 400
    assert door.graph.forgetting == []


async def test_what_may_still_be_there_is_not_said_to_be_forgotten(door: Door) -> None:
    door.graph.error = NotKept("an embedding cannot be removed from DURABLE")
    response = await door.post("/forget", predict_body(context=None))
    assert (response.status_code, response.json()["error"]) == (503, "not_kept")


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


async def test_the_warnings_of_a_setup_are_few_and_short_and_keep_their_remedies() -> None:
    door = Door({"use_setup_token": True})
    images = "".join(f'<Image name="i{number}" value="constant"/>' for number in range(30))
    body = {"project": "1", "schema": f"<View>{images}</View>", "access_token": "t"}
    shown = (await door.post("/setup", {**body, "hostname": "http://x"})).json()["warnings"]
    assert (len(shown), shown[-1]) == (20, "and 14 more")
    long = {**body, "schema": predict_body()["label_config"], "hostname": "h\n" * 5000}
    [warning] = (await door.post("/setup", long)).json()["warnings"]
    assert warning.isprintable()
    assert warning.endswith("add it to LABEL_STUDIO_ALIASES")
    await door.settle()


async def test_large_masks_go_by_way_of_the_object_store(door: Door) -> None:
    """A message between replicas has 4 MiB at most, which four drawn masks fill."""
    rle = brush_rle.encode(np.ones((900, 900), np.bool_)).tolist()
    sides = {"original_width": 900, "original_height": 900}
    brush = {**POSITIVE, "type": "brushlabels", "value": {"rle": rle}, **sides}
    for count, by_reference in ((1, False), (4, True)):
        door.ingress.reader._reading = ReadOptions(multi_box="each")
        items = [{**brush, "id": str(number)} for number in range(count)]
        response = await door.post("/predict", predict_body(context={"result": items}))
        assert response.status_code == 200
        assert door.graph.decoder.chosen[-1].get("_by_reference", False) is by_reference
