"""One fetch and one encode per image over the whole cluster, however many first clicks there are at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import yaml
from PIL import Image

from testing.app_metrics import total, until
from testing.file_server import Server
from testing.image_files import encoded
from testing.running_app import ROOT, RunningApp, running_app
from testing.scenes import scene
from tests.deployments.test_graph import click

pytestmark = pytest.mark.cluster

CLICKS = 64


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """Two ingress replicas and three decoder replicas."""
    config = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    [application] = config["applications"]
    application["args"] |= {"image_hosts": "*", "workers": 2, "max_wait_s": 60}
    for deployment in application["deployments"]:
        if deployment["name"] == "Decoder":
            del deployment["autoscaling_config"]
            deployment["num_replicas"] = 3
    path: Path = tmp_path_factory.mktemp("config") / "serve.yaml"
    path.write_text(yaml.safe_dump(config))
    with running_app(path) as app:
        yield app


def test_64_first_clicks_at_once(wide: RunningApp) -> None:
    picture = scene(3, 640, 480)
    asked = click(picture)
    content = encoded(Image.fromarray(picture.rgb))
    with Server(lambda exchange: exchange.say(200, content)) as server:
        asked["tasks"][0]["data"]["image"] = f"{server.url}/scene.png"
        with ThreadPoolExecutor(CLICKS) as threads:
            answers = list(threads.map(lambda _: _post(wide, asked), range(CLICKS)))
        assert {answer.status_code for answer in answers} == {200}
        masks = {str(answer.json()["results"][0]["result"][0]["value"]) for answer in answers}
        assert len(masks) == 1
        assert [request.target for request in server.requests] == ["/scene.png"]
    # Each replica reports at a time of its own.
    until(wide, "ray_sam_embedding_lookups_total", CLICKS)
    until(wide, "ray_sam_images_fetched_total", 1)
    until(wide, "ray_sam_images_encoded_total", 1)
    assert total(wide, "ray_sam_images_fetched_total") == 1
    assert total(wide, "ray_sam_images_encoded_total") == 1
    assert total(wide, "ray_sam_embedding_lookups_total", found="miss") == 1


def _post(app: RunningApp, asked: object) -> httpx.Response:
    return httpx.post(f"{app.url}/predict", json=asked, timeout=120, trust_env=False)
