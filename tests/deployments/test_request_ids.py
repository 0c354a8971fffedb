"""One id through ingress, decoder, fetcher and encoder: in the answer, in each log, in each span."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from PIL import Image

from deployments.replica_log import JSON_LINE
from testing.file_server import Server
from testing.image_files import encoded
from testing.otlp_receiver import Span
from testing.running_app import RunningApp
from testing.scenes import scene
from tests.deployments.test_graph import click
from tests.shared import LOCK, Other

pytestmark = pytest.mark.cluster

HOPS = {"Ingress", "Decoder", "Fetcher", "Encoder"}
PATIENCE_S = 60


@contextmanager
def new_image(seed: int) -> Iterator[dict[str, Any]]:
    """A click on an image that nobody has seen, which takes all hops."""
    picture = scene(seed, 320, 240)
    asked, content = click(picture), encoded(Image.fromarray(picture.rgb))
    with Server(lambda exchange: exchange.say(200, content)) as server:
        asked["tasks"][0]["data"]["image"] = f"{server.url}/{seed}.png"
        yield asked


def of(answer: httpx.Response) -> str:
    """The id of the request that was answered."""
    assert answer.json()["results"][0]["result"], answer.text
    return str(answer.headers["x-request-id"])


def test_every_hop_logs_the_id_of_the_request_as_json_where_it_was_started(app: RunningApp) -> None:
    with new_image(31) as asked:
        answer = httpx.post(
            f"{app.url}/locked/predict", json=asked, auth=LOCK, timeout=PATIENCE_S, trust_env=False
        )
    request, deadline = of(answer), time.monotonic() + PATIENCE_S
    while {each["deployment"] for each in _lines(app, request)} != HOPS:
        assert time.monotonic() < deadline, _lines(app, request)
        time.sleep(0.2)
    found = _lines(app, request)
    assert {each["application"] for each in found} == {"locked"}
    assert all(each["replica"] and each["level"] == "INFO" for each in found)


def _lines(app: RunningApp, request: str) -> list[dict[str, Any]]:
    """What the terminal shows of a request."""
    lines = [line for line in app.said().splitlines(keepends=True) if line.startswith(JSON_LINE)]
    records = [json.loads(line) for line in lines if line.endswith("\n")]
    return [each for each in records if each.get("request_id") == request]


def test_the_spans_of_a_click_are_one_tree_over_all_hops(other_cluster: Other) -> None:
    with new_image(32) as asked:
        answer = httpx.post(
            f"{other_cluster.app.url}/predict", json=asked, timeout=PATIENCE_S, trust_env=False
        )
    handled = ("Ingress __call__", "Decoder click", "Fetcher read", "Encoder encode")
    names = [*(f"replica_handle_request {each}" for each in handled), "decode", "encode"]
    found = other_cluster.receiver.trace_with(*names, request=of(answer))
    by_id = {each.id: each for each in found}
    [root] = [each for each in found if not each.parent]
    assert root.name == names[0]
    assert len({each.trace for each in found}) == 1
    for name, above in (
        (names[1], names[0]),
        (names[2], names[1]),
        (names[3], names[1]),
        ("decode", names[1]),
        ("encode", names[3]),
    ):
        [span] = [each for each in found if each.name == name]
        assert above in [each.name for each in _above(span, by_id)], name


def _above(span: Span, by_id: dict[str, Span]) -> Iterator[Span]:
    while span.parent:
        span = by_id[span.parent]
        yield span
