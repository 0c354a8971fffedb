"""Far more than Ray's object store holds goes through it at once, and what is kept is elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml

from testing.app_metrics import total, until
from testing.label_studio_masks import keypoint, region_mask
from testing.label_studio_requests import predict_body
from testing.running_app import ROOT, RunningApp, running_app
from tests.deployments.large_embeddings import EMBEDDING_NBYTES, PIXELS_NBYTES
from tests.deployments.test_graph import data_url

pytestmark = pytest.mark.cluster

STORE = 75 * 2**20  # as little as Ray allows
IMAGES = 20
SIDE = 64
USED = "ray_object_store_used_memory"
FREE = "ray_object_store_available_memory"


def test_images_and_embeddings_of_which_the_store_holds_a_few(tmp_path: Path) -> None:
    admission = tmp_path / "admission"
    env = {
        "GATE": str(admission),
        "CACHE_MIB": "1024",
        "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": str(STORE),
        "RAY_metrics_report_interval_ms": "1000",
    }
    numbers = range(1, IMAGES + 1)
    with running_app(_config(tmp_path), env) as app, ThreadPoolExecutor(IMAGES) as threads:
        try:
            first = [threads.submit(_click, app, number) for number in numbers]
            until(app, "ray_sam_images_fetched_total", IMAGES)
            until(app, USED, STORE / 2)
            assert total(app, USED) <= STORE < IMAGES * PIXELS_NBYTES
            until(app, "ray_spill_manager_request_total", 1)
            assert not any(each.done() for each in first)
        finally:
            admission.touch()
        assert [each.result() for each in first] == ["miss"] * IMAGES
        assert list(threads.map(lambda number: _click(app, number), numbers)) == ["hit"] * IMAGES
        # All embeddings are kept. The store was seen full, so if it is free now, that is no old figure.
        assert IMAGES * EMBEDDING_NBYTES > 4 * STORE
        until(app, FREE, STORE - EMBEDDING_NBYTES / 2)
        assert total(app, FREE) <= STORE
        assert total(app, "ray_sam_images_encoded_total") == IMAGES


def _config(folder: Path) -> Path:
    """One replica of each, so that the second click on an image comes to the decoder of the first."""
    config = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    [application] = config["applications"]
    application["import_path"] = "tests.deployments.large_embeddings:build"
    for deployment in application["deployments"]:
        if deployment.pop("autoscaling_config", None):
            deployment["num_replicas"] = 1
    path = folder / "serve.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _click(app: RunningApp, number: int) -> str:
    """Whether the embedding of the image whose mask has ``number`` rows was at hand; that is the answer."""
    image = data_url(np.full((SIDE, SIDE, 3), number, np.uint8))
    asked = predict_body(image, context={"result": [keypoint((5, 5), (SIDE, SIDE), "Object")]})
    answer = httpx.post(f"{app.url}/predict", json=asked, timeout=120, trust_env=False)
    assert answer.status_code == 200, answer.text
    [region] = answer.json()["results"][0]["result"]
    expected = np.zeros((SIDE, SIDE), np.bool_)
    expected[:number] = True
    assert np.array_equal(region_mask(region), expected)
    return answer.headers["server-timing"].rpartition("=")[2]
