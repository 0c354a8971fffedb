"""Far more than Ray's object store holds goes through it at once, and what is kept is elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from testing.app_metrics import total, until
from testing.applications import application
from testing.image_files import data_url
from testing.label_studio_masks import keypoint, region_mask
from testing.label_studio_requests import predict_body
from tests.deployments.large_embeddings import EMBEDDING_NBYTES, PIXELS_NBYTES
from tests.shared import STORE, Other

pytestmark = pytest.mark.cluster

NAME = "large"
IMAGES = 12
SIDE = 64
USED = "ray_object_store_used_memory"
FREE = "ray_object_store_available_memory"


def test_images_and_embeddings_of_which_the_store_holds_a_few(other_cluster: Other, tmp_path: Path) -> None:
    admission = tmp_path / "admission"
    app, numbers = other_cluster.app, range(1, IMAGES + 1)
    # One replica of each, so that the second click on an image comes to the decoder of the first.
    large = application(
        NAME,
        {"cache_mib": 1024},
        build="tests.deployments.large_embeddings:build",
        variables={"GATE": str(admission)},
    )
    with other_cluster.applications.beside(large), ThreadPoolExecutor(IMAGES) as threads:
        try:
            first = [threads.submit(_click, other_cluster, number) for number in numbers]
            until(app, "ray_sam_images_fetched_total", IMAGES, application=NAME)
            until(app, USED, STORE / 2)
            assert total(app, USED) <= STORE < IMAGES * PIXELS_NBYTES
            until(app, "ray_spill_manager_request_total", 1)
            assert not any(each.done() for each in first)
        finally:
            admission.touch()
        assert [each.result() for each in first] == ["miss"] * IMAGES
        assert list(threads.map(lambda number: _click(other_cluster, number), numbers)) == ["hit"] * IMAGES
        # All embeddings are kept. The store was seen full, so if it is free now, that is no old figure.
        assert IMAGES * EMBEDDING_NBYTES > 2 * STORE
        until(app, FREE, STORE - EMBEDDING_NBYTES / 2)
        assert total(app, FREE) <= STORE
        assert total(app, "ray_sam_images_encoded_total", application=NAME) == IMAGES


def _click(other_cluster: Other, number: int) -> str:
    """Whether the embedding of the image whose mask has ``number`` rows was at hand; that is the answer."""
    image = data_url(np.full((SIDE, SIDE, 3), number, np.uint8))
    asked = predict_body(image, context={"result": [keypoint((5, 5), (SIDE, SIDE), "Object")]})
    answer = httpx.post(
        f"{other_cluster.applications.url(NAME)}/predict", json=asked, timeout=120, trust_env=False
    )
    assert answer.status_code == 200, answer.text
    [region] = answer.json()["results"][0]["result"]
    expected = np.zeros((SIDE, SIDE), np.bool_)
    expected[:number] = True
    assert np.array_equal(region_mask(region), expected)
    return answer.headers["server-timing"].rpartition("=")[2]
