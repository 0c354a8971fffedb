"""Nothing of one application is left but the durable tier: the next one decodes clicks without encoding."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from PIL import Image

from testing.app_metrics import total, until
from testing.file_server import Server
from testing.image_files import encoded
from testing.running_app import RunningApp, running_app
from testing.scenes import scene
from tests.deployments.test_graph import click

pytestmark = pytest.mark.cluster


def test_a_click_on_a_stored_image_needs_no_encoder(tmp_path: Path) -> None:
    picture = scene(3, 640, 480)
    asked = click(picture)
    content = encoded(Image.fromarray(picture.rgb))
    durable = tmp_path / "embeddings"
    settings = {"IMAGE_HOSTS": "*", "DURABLE": str(durable)}
    with Server(lambda exchange: exchange.say(200, content)) as server:
        asked["tasks"][0]["data"]["image"] = f"{server.url}/scene.png"
        with running_app(env=settings) as app:
            first = _mask(app, asked)
            _until_written(durable)
        with running_app(env=settings) as app:
            again = _mask(app, asked)
            until(app, "ray_sam_embedding_lookups_total", 1)
            assert total(app, "ray_sam_embedding_lookups_total", found="durable") == 1
            assert total(app, "ray_sam_images_encoded_total") == 0
            assert total(app, "ray_sam_images_fetched_total") == 0
        assert len(server.requests) == 1
    assert again == first


def _mask(app: RunningApp, asked: object) -> object:
    answer = httpx.post(f"{app.url}/predict", json=asked, timeout=120, trust_env=False)
    return answer.json()["results"][0]["result"][0]["value"]


def _until_written(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not list(folder.rglob("*.safetensors")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
