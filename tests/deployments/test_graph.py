"""The real graph on a real local Ray, behind HAProxy, over HTTP."""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from deployments.calls.large_values import LARGE
from serve_app.cli.doctor.open_ports import Answer, answers, listening_ports, public_addresses, rays_processes
from testing.image_files import data_url
from testing.label_studio_masks import deepest, iou, keypoint, region_mask
from testing.label_studio_requests import predict_body
from testing.running_app import RunningApp
from testing.scenes import Scene, scene
from tests.shared import LOCK

pytestmark = pytest.mark.cluster

SHAPE = (240, 320)


@pytest.fixture(scope="module")
def client(app: RunningApp) -> Any:
    with httpx.Client(base_url=app.url, trust_env=False, timeout=60) as client:
        yield client


def click(scene: Scene, number: int = 0) -> dict[str, Any]:
    """A positive click in the middle of one of the scene's objects."""
    height, width = scene.masks[number].shape
    item = keypoint(deepest(scene.masks[number]), (height, width), "Object")
    return predict_body(data_url(scene.rgb), context={"result": [item]})


def test_a_click_becomes_the_mask_of_the_object(client: httpx.Client) -> None:
    picture = scene(3, SHAPE[1], SHAPE[0])
    response = client.post("/predict", json=click(picture))
    [prediction] = response.json()["results"]
    [region] = prediction["result"]
    assert region["type"] == "brushlabels"
    assert region["value"]["brushlabels"] == ["Object"]
    assert iou(region_mask(region), picture.masks[0]) > 0.8


def test_the_browser_may_show_a_copy_but_not_another_picture(client: httpx.Client) -> None:
    picture = scene(3, SHAPE[1], SHAPE[0])
    body = click(picture)
    [item] = body["params"]["context"]["result"]
    item |= {"original_width": SHAPE[1] // 2, "original_height": SHAPE[0] // 2}
    [region] = client.post("/predict", json=body).json()["results"][0]["result"]
    assert iou(region_mask(region), picture.masks[0][::2, ::2]) > 0.8
    item |= {"original_width": SHAPE[0], "original_height": SHAPE[1]}
    response = client.post("/predict", json=body)
    assert (response.status_code, response.json()["error"]) == (422, "image_differs"), response.text


def test_an_image_is_encoded_once_and_an_opened_task_warms_it(client: httpx.Client) -> None:
    picture = scene(4, SHAPE[1], SHAPE[0])
    first = client.post("/predict", json=click(picture))
    again = client.post("/predict", json=click(picture))
    assert "cache;desc=miss" in first.headers["server-timing"]
    assert "cache;desc=hit" in again.headers["server-timing"]

    other = scene(5, SHAPE[1], SHAPE[0])
    opened = client.post("/predict", json={**click(other), "params": {"context": None}})
    assert opened.json() == {"results": [[]]}
    deadline = time.monotonic() + 60
    while "cache;desc=hit" not in client.post("/predict", json=click(other)).headers["server-timing"]:
        assert time.monotonic() < deadline


def test_an_image_that_is_too_large_to_be_sent_along(client: httpx.Client) -> None:
    picture = scene(7, 900, 700)
    noisy = picture.rgb // 2 + np.random.default_rng(7).integers(0, 9, picture.rgb.shape, np.uint8)
    asked = click(picture)
    asked["tasks"][0]["data"]["image"] = data_url(noisy)
    assert len(data_url(noisy)) > LARGE
    first = client.post("/predict", json=asked)
    again = client.post("/predict", json=asked)
    assert "cache;desc=miss" in first.headers["server-timing"]
    assert "cache;desc=hit" in again.headers["server-timing"]
    [region] = first.json()["results"][0]["result"]
    assert iou(region_mask(region), picture.masks[0]) > 0.7


def test_annotators_at_once_each_get_their_own_mask(client: httpx.Client) -> None:
    pictures = [scene(seed, 160, 120) for seed in range(10, 18)]

    def annotate(picture: Scene) -> float:
        # A slow machine refuses some of so many first clicks at once; an annotator clicks again.
        while (answer := client.post("/predict", json=click(picture))).status_code == 503:
            pass
        [prediction] = answer.json()["results"]
        [region] = prediction["result"]
        return iou(region_mask(region), picture.masks[0])

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        scores = list(threads.map(annotate, pictures * 2))
    assert scores[:8] == scores[8:]
    assert np.mean(scores) > 0.7


def test_more_clicks_than_can_be_answered_are_refused_and_everything_else_answers(app: RunningApp) -> None:
    asked = json.dumps(click(scene(20, 1600, 1200))).encode()
    enough = threading.Event()
    refused_in_front = threading.Event()

    def annotate(client: httpx.Client) -> list[httpx.Response]:
        answers: list[httpx.Response] = []
        while not (answers and enough.is_set()):
            answers.append(client.post("/predict", content=asked))
            # What reaches Serve's own server gets an id.
            if answers[-1].status_code == 503 and "x-request-id" not in answers[-1].headers:
                refused_in_front.set()
        return answers

    with (
        # A connection for each click, as Label Studio does: threads that share kept ones close each other's.
        httpx.Client(
            base_url=app.url,
            trust_env=False,
            timeout=60,
            limits=httpx.Limits(max_keepalive_connections=0),
        ) as client,
        concurrent.futures.ThreadPoolExecutor(64) as threads,
    ):
        annotators = [threads.submit(annotate, client) for _ in range(64)]
        try:
            assert refused_in_front.wait(60)
            for _ in range(5):
                with httpx.Client(base_url=app.url, trust_env=False, timeout=60) as fresh:
                    assert fresh.get("/health").status_code == 200
                    body = {"project": "1.1", "schema": "<View></View>"}
                    assert fresh.post("/setup", json=body).status_code == 200
        finally:
            enough.set()
        answers = [answer for each in annotators for answer in each.result()]
    answered = [answer.json()["results"][0]["result"] for answer in answers if answer.status_code == 200]
    assert len({json.dumps([each["value"] for each in regions]) for regions in answered}) == 1
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(503, "2")}
    assert {answer.json()["error"] for answer in refused} == {"overloaded"}


def test_a_body_of_64_mib_of_drafts_is_accepted(client: httpx.Client) -> None:
    body = click(scene(3, SHAPE[1], SHAPE[0]))
    body["tasks"][0]["drafts"] = "drafts"
    drafts = b'[{"result": [{"value": {"rle": [' + b"255, " * (64 * 2**20 // 5) + b"0]}}]}]"
    content = json.dumps(body).encode().replace(b'"drafts": "drafts"', b'"drafts": ' + drafts)
    assert len(content) > 64 * 2**20
    response = client.post("/predict", content=content)
    assert response.status_code == 200
    assert len(response.json()["results"][0]["result"]) == 1


@pytest.mark.parametrize(
    ("value", "status", "code"),
    [
        ("data:text/html,<html></html>", 415, "not_an_image"),
        ("data:image/png;base64,iVBORw0KGgo=", 422, "image_corrupt"),
        ("http://127.0.0.1:9/none.png", 502, "image_unreachable"),
        ("/data/upload/1/none.png", 404, "image_missing"),
        ("ftp://127.0.0.1/a.png", 403, "image_forbidden"),
    ],
)
def test_what_cannot_be_read_is_a_sentence_and_stands_in_diagnose(
    client: httpx.Client, value: str, status: int, code: str
) -> None:
    body = click(scene(3, SHAPE[1], SHAPE[0]))
    body["tasks"][0]["data"]["image"] = value
    response = client.post("/predict", json=body)
    assert (response.status_code, response.json()["error"]) == (status, code), response.text
    assert "task 1" in response.json()["detail"]
    deadline = time.monotonic() + 60
    while True:
        failures = client.get("/diagnose", params={"project": "1"}).json()["recent_failures"]["1"]
        if any(each["sentence"] == response.json()["detail"] for each in failures):
            break
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("task", "image", "negative", "status", "code"),
    [
        (4711, "ftp://127.0.0.1/within-a-second.png", False, 403, "image_forbidden"),
        (4712, "/data/upload/1/a.png", True, 200, "no_mask"),
    ],
)
def test_a_click_without_a_mask_is_in_the_log_and_in_diagnose_within_a_second(
    client: httpx.Client, app: RunningApp, task: int, image: str, negative: bool, status: int, code: str
) -> None:
    body = click(scene(3, SHAPE[1], SHAPE[0]))
    body["tasks"][0]["data"]["image"] = image
    body["tasks"][0]["id"] = task
    body["params"]["context"]["result"][0]["is_positive"] = not negative
    assert client.post("/predict", json=body).status_code == status
    folder = app.logs / "serve"
    deadline = time.monotonic() + 1
    while not any(f"task {task}" in log.read_text() for log in folder.glob("replica_*Ingress*.log")):
        assert time.monotonic() < deadline, "an annotator sees nothing, and neither does the log"
        time.sleep(0.05)
    while True:
        failures = client.get("/diagnose", params={"project": "1"}).json()["recent_failures"].get("1", [])
        if (str(task), code) in {(failure["task"], failure["code"]) for failure in failures}:
            break
        assert time.monotonic() < deadline, "nor does /diagnose"


def test_a_failure_is_not_remembered(client: httpx.Client) -> None:
    picture = scene(6, SHAPE[1], SHAPE[0])
    body = click(picture)
    good = body["tasks"][0]["data"]["image"]
    body["tasks"][0]["data"]["image"] = good[:200]
    assert client.post("/predict", json=body).status_code == 422
    body["tasks"][0]["data"]["image"] = good
    assert client.post("/predict", json=body).status_code == 200


def test_a_second_application_under_a_prefix_with_basic_auth(client: httpx.Client) -> None:
    body = click(scene(3, SHAPE[1], SHAPE[0]))
    for path in ("/locked/", "/locked/health", "/locked/health/", "/locked/diagnose"):
        assert client.get(path).status_code == 401
        assert client.get(path, auth=LOCK).status_code == 200, path
    assert client.post("/locked/predict", json=body).status_code == 401
    answer = client.post("/locked/predict", json=body, auth=LOCK)
    assert len(answer.json()["results"][0]["result"]) == 1
    refused = client.post("/locked/predict", content=b" " * (2**20 + 1), auth=LOCK)
    assert (refused.status_code, refused.json()["error"]) == (413, "body_too_large")


def test_it_says_where_it_is_and_what_serves(app: RunningApp) -> None:
    said = app.said()
    assert f"backend    {app.url} (classical-3: " in said
    assert f"(logs in to {app.dashboard})" in said
    assert re.search(r"^metrics    http://127\.0\.0\.1:\d+/metrics$", said, re.MULTILINE)
    assert f"logs       {app.logs.resolve()}" in said
    assert "docs       " in said
    assert not any(line.startswith("WARNING") for line in said.splitlines())


def test_ray_answers_nobody_without_the_token_and_listens_to_this_machine_alone(app: RunningApp) -> None:
    applications = "/api/serve/applications/"
    assert httpx.get(app.dashboard + applications, trust_env=False).status_code == 401
    with app.dashboard_client() as client:
        assert client.get(applications).json()["applications"]["segment-anything"]["status"] == "RUNNING"
    [inner] = Path(f"/proc/{app.process.pid}/task/{app.process.pid}/children").read_text().split()
    mine = {pid: name for pid, name in rays_processes().items() if os.getsid(pid) == int(inner)}
    assert {"raylet", "gcs_server", "ray::DashboardAgent", "Ray's dashboard"} < set(mine.values())
    ports = listening_ports(mine) or []
    # `ray::ServeReplica:<application>:<deployment>`
    kinds = {":".join(port.process.split(":")[:3]) for port in ports if not port.loopback}
    assert kinds == {"ray::ServeReplica"}, "they listen where Ray tells them to, and ask for the token"
    found = dict(answers(ports, public_addresses()))
    assert {answer for port, answer in found.items() if not port.loopback} == {Answer.REFUSED}, found
    assert Answer.GIVEN not in found.values(), found


@pytest.mark.parametrize("name", [b"X-Request-Timeout-Seconds", b"X-Session-Id", b"X-Request-Id", b"X-Other"])
@pytest.mark.parametrize("path", [b"/health", b"/h%ff", b"/h\xff", b"/-/routes"])
def test_bytes_that_are_no_text_are_no_error_of_ours(app: RunningApp, name: bytes, path: bytes) -> None:
    address = httpx.URL(app.url)
    with socket.create_connection((address.host, address.port or 80), timeout=60) as client:
        client.sendall(
            b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s: \xff\xfe\r\n\r\n" % (path, name)
        )
        answer = client.makefile("rb").read()
    wanted = {b"/health": b"200", b"/h%ff": b"404", b"/h\xff": b"400", b"/-/routes": b"404"}[path]
    assert answer.split()[1] == wanted, answer
    assert b"\xff" not in answer.partition(b"\r\n\r\n")[0]
