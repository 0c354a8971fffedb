"""Clicks, with the deployments behind the door faked."""

import json
import logging
from typing import Any
from urllib.parse import unquote

import httpx
import numpy as np
import pytest

from deployments.http import admission
from deployments.metrics import Metrics
from deployments.options import IngressOptions
from deployments.running_mean import RunningMean
from protocol import brush_rle
from protocol.options import ReadOptions
from testing.label_studio_requests import predict_body
from tests.deployments.ingress_door import REGION, Door
from values.click_answer import QueueState
from values.errors import ImageTimeout, Overloaded


async def test_a_click_becomes_a_prediction(door: Door) -> None:
    response = await door.post("/predict", predict_body())
    assert response.status_code == 200
    [prediction] = response.json()["results"]
    assert prediction == {"model_version": "classical-3", "score": 0.9, "result": [REGION]}
    [(key, click)] = door.graph.clicks
    assert (len(key), click.width, click.height, len(click.prompts)) == (40, 960, 640, 1)
    assert {"session_id": key} in door.graph.decoder.chosen
    assert "decode;dur=1.00" in response.headers["server-timing"]
    assert "cache;desc=hit" in response.headers["server-timing"]


async def test_the_same_image_of_another_project_has_another_key(door: Door) -> None:
    await door.post("/predict", predict_body())
    await door.post("/predict", {**predict_body(), "project": "99.1"})
    [(one, _), (other, _)] = door.graph.clicks
    assert one != other


async def test_more_tasks_than_prompts_get_empty_results(door: Door) -> None:
    body = predict_body()
    body["tasks"] = body["tasks"] * 3
    results = (await door.post("/predict", body)).json()["results"]
    assert [len(each["result"]) for each in results] == [1, 0, 0]


EXPLAINS = predict_body()["label_config"].replace(
    "</View>", '<TextArea name="model_says" toName="image"/></View>'
)


def told(response: httpx.Response) -> list[list[str]]:
    """What the editor is told to show, of each result of a line."""
    assert response.status_code == 200
    [prediction] = response.json()["results"]
    return [each["value"]["text"] for each in prediction["result"] if each["type"] == "textarea"]


async def test_who_has_a_line_for_it_reads_why_there_is_no_mask(door: Door) -> None:
    body = predict_body() | {"label_config": EXPLAINS}
    door.graph.regions = []
    response = await door.post("/predict", body)
    assert told(response) == [[unquote(response.headers["x-no-mask"])]]
    negative = predict_body(context={"result": [{**POSITIVE, "is_positive": False}]})
    assert (
        "no positive click" in told(await door.post("/predict", negative | {"label_config": EXPLAINS}))[0][0]
    )
    door.graph.regions = [REGION]
    answer = await door.post("/predict", body)
    assert told(answer) == [[]], "older words are gone"
    assert answer.json()["results"][0]["result"][0] == REGION


async def test_who_has_a_line_for_it_reads_what_failed_and_the_journal_has_it_by_its_code(door: Door) -> None:
    door.graph.error = ImageTimeout("the host is slow; try again")
    response = await door.post("/predict", predict_body() | {"label_config": EXPLAINS})
    assert told(response) == [["the host is slow; try again"]]
    await door.settle()
    [failure] = door.graph.failures
    assert (failure.code, failure.status, failure.sentence) == (
        "image_timeout",
        200,
        "the host is slow; try again",
    )
    assert (await door.post("/predict", predict_body())).status_code == ImageTimeout.status


async def test_a_click_that_is_turned_away_is_no_message(door: Door) -> None:
    door.graph.busy = True
    response = await door.post("/predict", predict_body() | {"label_config": EXPLAINS})
    assert response.status_code == Overloaded.status


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
    assert response.json()["results"] == [{"model_version": "classical-3", "score": 0.0, "result": []}]
    await door.settle()
    [failure] = door.graph.failures
    assert (failure.route, failure.code, failure.status) == ("/predict", "no_mask", 200)
    assert (failure.project, failure.task, len(failure.request_id)) == ("1", "1", 64)
    assert reason in failure.sentence
    assert unquote(response.headers["x-no-mask"]) == failure.sentence
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert line == f"/predict answered 200 no_mask (project 1, task 1): {failure.sentence}"
    assert "\n" not in line


async def test_a_click_whose_mask_is_empty_is_one_without_a_mask(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[tuple[str, str]] = []
    monkeypatch.setattr(Metrics, "request", lambda metrics, route, code: counted.append((route, code)))
    found = await door.post("/predict", predict_body())
    assert "x-no-mask" not in found.headers
    door.graph.regions = []
    response = await door.post("/predict", predict_body())
    await door.settle()
    assert response.json()["results"][0]["result"] == []
    [failure] = door.graph.failures
    assert (failure.code, failure.task) == ("no_mask", "1")
    assert "<BrushLabels>" in failure.sentence
    assert counted == [("/predict", "ok"), ("/predict", "no_mask")]


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


async def test_an_answer_tells_the_door_how_long_the_queue_is(door: Door) -> None:
    door.graph.queue = QueueState("decoder", 60.0, 0.1, 1.5)
    assert (await door.post("/predict", predict_body())).status_code == 200
    assert door.ingress.admission.is_closed()


async def test_a_click_on_its_way_to_a_decoder_counts(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "UNREAD_S", -1.0)  # what has not been read counts no more
    door.ingress.admission.heard(QueueState("decoder", 1.0, 1000.0, 1.5))
    closed: list[bool] = []
    door.graph.during_click = lambda: closed.append(door.ingress.admission.is_closed())
    await door.post("/predict", predict_body())
    assert closed == [True]


async def test_clicks_whose_image_cannot_be_had_count_for_less(door: Door) -> None:
    door.ingress.admission._decoded = RunningMean(1.0, start=1.0)
    door.graph.error = ImageTimeout("the host is silent")
    assert (await door.post("/predict", predict_body())).status_code == 504
    door.ingress.admission._decoded = RunningMean(0.0, start=door.ingress.admission._decoded.value)
    door.ingress.admission.heard(QueueState("decoder", 1.0, 1000.0, 1.5))
    assert (await door.post("/predict", predict_body())).status_code == 504
    assert not door.ingress.admission.is_closed()


async def test_opened_tasks_and_bad_requests_are_not_taken_for_clicks(door: Door) -> None:
    door.ingress.admission.heard(QueueState("decoder", 1.0, 0.1, 1.5))
    for body in [predict_body(context=None), b"{"] * 10:
        await door.post("/predict", body)
    assert not door.ingress.admission.is_closed()
    assert door.ingress.admission.inside == 0


async def test_the_decoder_is_told_how_long_somebody_waits(door: Door) -> None:
    await door.post("/predict", predict_body())
    [left_s] = door.graph.left_s
    assert 0 < left_s <= IngressOptions().predict_timeout_s


async def test_a_mask_has_the_version_of_the_model_that_made_it(door: Door) -> None:
    door.graph.version = "the-new-one-2"
    [prediction] = (await door.post("/predict", predict_body())).json()["results"]
    assert prediction["model_version"] == "the-new-one-2"


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


FINDS = predict_body()["label_config"].replace("</View>", '<TextArea name="find" toName="image"/></View>')
WORDS = {"type": "textarea", "from_name": "find", "to_name": "image", "id": "t", "value": {"text": ["cat"]}}


def finding(*words: str, **more: Any) -> dict[str, Any]:
    item = {**WORDS, "value": {"text": list(words)}, **more}
    return predict_body(context={"result": [item]}) | {"label_config": FINDS}


async def test_a_phrase_is_found_by_the_image_s_decoder() -> None:
    door = Door(finder="owlv2-1")
    response = await door.post("/predict", finding("cat, dog"))
    assert response.status_code == 200, response.text
    [prediction] = response.json()["results"]
    assert prediction == {"model_version": "owlv2-1+classical-3", "score": 0.4, "result": [REGION]}
    [(key, find)] = door.graph.finds
    assert (len(key), find.phrases, door.graph.clicks) == (40, ("cat", "dog"), [])
    assert {"session_id": key, "_by_reference": True} in door.graph.decoder.chosen
    assert "decode;dur=1.00" in response.headers["server-timing"]


async def test_before_a_phrase_is_written_nothing_is_asked_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(finder="owlv2-1")
    counted: list[tuple[str, str]] = []
    monkeypatch.setattr(Metrics, "request", lambda metrics, route, code: counted.append((route, code)))
    response = await door.post("/predict", finding(""))
    await door.settle()
    assert response.json()["results"][0]["result"] == []
    assert (door.graph.finds, door.graph.failures, counted) == ([], [], [("/predict", "ok")])


async def test_nothing_found_is_said() -> None:
    door = Door(finder="owlv2-1")
    door.graph.regions = []
    response = await door.post("/predict", finding("cat"))
    await door.settle()
    [failure] = door.graph.failures
    assert (failure.code, failure.status) == ("no_mask", 200)
    assert 'looks enough like "cat"' in failure.sentence
    assert unquote(response.headers["x-no-mask"]) == failure.sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("a" * 3_000_000, "no list of things to find"), (",".join(map(str, range(10_000))), "no list")],
)
async def test_too_much_to_find_is_refused(words: str, sentence: str) -> None:
    door = Door(finder="owlv2-1")
    response = await door.post("/predict", finding(words))
    assert (response.status_code, response.json()["error"]) == (422, "bad_prompt")
    assert sentence in response.json()["detail"]


async def test_without_a_detector_the_sentence_names_the_setting(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    monkeypatch.setattr(Metrics, "find", lambda metrics, code: counted.append(code))
    monkeypatch.setattr(Metrics, "click", lambda metrics, code: counted.append(f"click {code}"))
    response = await door.post("/predict", finding("cat"))
    assert response.status_code == 422
    assert "set FINDER to owlv2_base" in response.json()["detail"]
    assert (counted, door.graph.finds) == (["bad_prompt"], [])


@pytest.mark.parametrize(
    ("finder", "config", "ahead"), [("o", FINDS, True), ("", FINDS, False), ("o", None, False)]
)
async def test_an_opened_task_is_seen_ahead_where_somebody_may_ask(
    finder: str, config: str | None, ahead: bool
) -> None:
    door = Door(finder=finder)
    body = predict_body(context=None)
    await door.post("/predict", body | ({} if config is None else {"label_config": config}))
    await door.settle()
    assert door.graph.found_ahead == [ahead]
