"""What one application has encoded and kept, another one with the same durable tier decodes clicks from."""

from __future__ import annotations

import httpx
import pytest
from PIL import Image

from testing.applications import Applications, Json
from testing.file_server import Server
from testing.image_files import encoded
from testing.scenes import scene
from tests.deployments.test_graph import click
from tests.shared import LOCK

pytestmark = pytest.mark.cluster


def test_a_click_on_a_stored_image_needs_no_encoder(applications: Applications) -> None:
    """As after a restart: the replicas of the second one know nothing but what lies in the folder."""
    picture = scene(8, 640, 480)
    asked = click(picture)
    content = encoded(Image.fromarray(picture.rgb))
    with Server(lambda exchange: exchange.say(200, content)) as server:
        asked["tasks"][0]["data"]["image"] = f"{server.url}/stored.png"
        first = _answer(f"{applications.app.url}/predict", asked)
        [kept] = _answer(f"{applications.app.url}/embed", asked)
        assert kept["state"] in ("encoded", "stored")
        again = _answer(f"{applications.url('locked')}/predict", asked)
        # Nothing is encoded that was not read.
        assert len(server.requests) == 1
    assert _mask(again) == _mask(first)


def _answer(url: str, asked: Json) -> list[Json]:
    """The results. The application without a lock reads no user."""
    answer = httpx.post(url, json=asked, auth=LOCK, timeout=120, trust_env=False)
    assert answer.status_code == 200, answer.text
    results: list[Json] = answer.json()["results"]
    return results


def _mask(results: list[Json]) -> Json:
    [region] = results[0]["result"]
    value: Json = region["value"]
    return value
