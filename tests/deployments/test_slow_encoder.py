"""What waits for an encoder: clicks alone for its weights, all for one encode of an image, clicks first.

One application with two ingress replicas, two decoders and an encoder that takes time and no CPU.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

from testing.app_metrics import total, until
from testing.applications import Applications, Json, application
from testing.file_server import Server
from testing.image_files import encoded
from testing.project_server import Studio, request_of
from testing.scenes import scene
from tests.deployments.test_graph import click

pytestmark = pytest.mark.cluster

NAME = "slow"
VERSION = "slow-1"
ENCODE_S = 1.0  # much beside what else a click takes on a busy machine
SIZE = (160, 120)
CLICKS = 64
# More than an encoder replica takes at once, which is 16.
STORING = 20


@pytest.fixture(scope="module")
def while_it_loads(
    applications: Applications, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, httpx.Response]]:
    """The answers to everything that needs no encoder, and to a click that was sent meanwhile."""
    folder = tmp_path_factory.mktemp("slow")
    admission = folder / "admission"
    args = {
        "image_hosts": "*",
        "durable": str(folder / "embeddings"),
        "workers": 2,
        "encode_ahead": 4,
        "max_wait_s": 60,
    }
    variables = {"GATE": str(admission), "ENCODE_S": str(ENCODE_S)}
    build = "tests.deployments.slow_encoder:build"
    applications.deploy(application(NAME, args, build=build, variables=variables, decoders=2))
    url = applications.url(NAME)
    try:
        with ThreadPoolExecutor(1) as thread:
            try:
                answers = {"health": _once_there(url)}
                answers["setup"] = _post(url, "/setup", {"schema": "<View/>"})
                waiting = thread.submit(_post, url, "/predict", click(scene(3, 320, 240)))
                answers["opened"] = _post(url, "/predict", {**click(scene(4, 320, 240)), "params": {}})
                assert not waiting.done()
                assert applications.state(NAME)[0] == "DEPLOYING"
            finally:
                admission.touch()
            answers["click"] = waiting.result()
        applications.wait(NAME)
        yield answers
    finally:
        applications.remove(NAME)


@pytest.fixture(scope="module")
def url(applications: Applications, while_it_loads: object) -> str:
    """Of the application, once it serves."""
    return applications.url(NAME)


def _once_there(url: str) -> httpx.Response:
    """The answer to /health; who asks before an ingress replica is there is told that nobody is."""
    deadline = time.monotonic() + 120
    while (answer := httpx.get(f"{url}/health", timeout=60, trust_env=False)).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer


def _post(url: str, path: str, asked: Json) -> httpx.Response:
    return httpx.post(url + path, json=asked, timeout=120, trust_env=False)


def test_health_and_setup_answer_while_the_model_loads(while_it_loads: dict[str, httpx.Response]) -> None:
    """Label Studio waits 1 s for /health and 3 s for /setup: neither waits for the model to load."""
    for path in ("health", "setup"):
        assert while_it_loads[path].json()["model_version"] == VERSION
    assert while_it_loads["opened"].json() == {"results": [[]]}
    assert len(while_it_loads["click"].json()["results"][0]["result"]) == 1


def test_64_first_clicks_at_once_are_one_fetch_and_one_encode(applications: Applications, url: str) -> None:
    """Over the whole cluster, however many first clicks there are at once."""
    app = applications.app
    counters = ("ray_sam_images_fetched_total", "ray_sam_images_encoded_total")
    for name in counters:  # while it loaded
        until(app, name, 2, application=NAME)
    asked = click(scene(3, 640, 480))
    content = encoded(Image.fromarray(scene(3, 640, 480).rgb))
    with Server(lambda exchange: exchange.say(200, content)) as server:
        asked["tasks"][0]["data"]["image"] = f"{server.url}/scene.png"
        with ThreadPoolExecutor(CLICKS) as threads:
            answers = list(threads.map(lambda _: _post(url, "/predict", asked), range(CLICKS)))
        assert {answer.status_code for answer in answers} == {200}
        masks = {str(answer.json()["results"][0]["result"][0]["value"]) for answer in answers}
        assert len(masks) == 1
        assert [request.target for request in server.requests] == ["/scene.png"]
    # Each replica reports at a time of its own.
    until(app, "ray_sam_embedding_lookups_total", 2 + CLICKS, application=NAME)
    for name in counters:
        until(app, name, 3, application=NAME)
        assert total(app, name, application=NAME) == 3
    assert total(app, "ray_sam_embedding_lookups_total", application=NAME, found="miss") == 3


def test_clicks_go_before_what_precompute_has_sent(url: str) -> None:
    """A busy device is theirs, whoever was there first."""
    with Studio(1, *SIZE) as studio, ThreadPoolExecutor(STORING) as threads:
        stopped = threading.Event()
        numbers = range(100, 100 + STORING)
        storing = [threads.submit(_store, url, studio, number, stopped) for number in numbers]
        _seconds(url, studio, 1)  # the first one finds out how busy the encoder is
        took = [_seconds(url, studio, number) for number in range(2, 4)]
        stopped.set()
        # Each waits for what the device has begun, maybe for one share of the others, and for its own.
        assert max(took) < 6 * ENCODE_S, took
        assert {each.result() for each in storing} <= {200, 504}


def _request(studio: Studio, number: int) -> Json:
    """A click on an image that is named by its whole address."""
    asked = request_of(number, SIZE)
    asked["tasks"][0]["data"]["image"] = f"{studio.url}/{number}.jpg"
    return asked


def _store(url: str, studio: Studio, number: int, stopped: threading.Event) -> int:
    """Images are stored, one after another, until that is stopped."""
    status = 200
    while not stopped.is_set() and status == 200:
        status = _post(url, "/embed", _request(studio, number)).status_code
        number += 1000
    return status


def _seconds(url: str, studio: Studio, number: int) -> float:
    started = time.perf_counter()
    answer = _post(url, "/predict", _request(studio, number))
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - started
