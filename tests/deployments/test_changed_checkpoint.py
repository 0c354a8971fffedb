"""Other weights in the checkpoint's place: what the earlier ones encoded is kept, and not used for them."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from segmenters.checkpoints.digest import sidecar
from testing.app_metrics import total, until
from testing.running_app import RunningApp, running_app
from testing.weights import checkpoints, pictures
from testing.weights.gestures import body, gestures, png
from testing.weights.in_process import region_mask

pytestmark = pytest.mark.cluster

MODEL = "mobile_sam"
ASKED = body(png(pictures.image("land")), gestures(*pictures.SIZES["land"])["click"])


def test_embeddings_of_an_earlier_checkpoint_are_not_used(tmp_path: Path) -> None:
    checkpoint, durable = tmp_path / "tuned.pt", tmp_path / "embeddings"
    env = {
        "MODEL": MODEL,
        "CHECKPOINT": str(checkpoint),
        "MODEL_DIR": str(tmp_path / "models"),
        "RUNTIME": "torch",  # nothing is exported
        "DURABLE": str(durable),
        "RAY_metrics_report_interval_ms": "1000",
    }
    earlier = _version(checkpoints.write(MODEL, checkpoint))
    size = checkpoint.stat().st_size
    with running_app(env=env) as app:
        before = _click(app, earlier)
        _until_written(durable / earlier)
    later = _version(checkpoints.write(MODEL, checkpoint, salt="tuned again "))
    assert earlier != later
    assert checkpoint.stat().st_size == size
    assert sidecar(checkpoint).exists()
    with running_app(env=env) as app:
        after = _click(app, later)
        _until_written(durable / later)
        until(app, "ray_sam_images_encoded_total", 1)
        until(app, "ray_sam_embedding_lookups_total", 1)
        assert total(app, "ray_sam_images_encoded_total") == 1
        assert total(app, "ray_sam_embedding_lookups_total", found="miss") == 1
        assert total(app, "ray_sam_durable_problems_total") == 0
    assert not np.array_equal(before, after)
    assert [_written(durable / version) for version in (earlier, later)] == [1, 1]


def _version(checkpoint: Path) -> str:
    """What serves with these weights; a file beside them may still have the digest of the earlier ones."""
    return f"{MODEL}-{sha256(checkpoint.read_bytes()).hexdigest()[:8]}"


def _click(app: RunningApp, version: str) -> NDArray[np.bool_]:
    """The mask of the click, which came from this version."""
    answer = httpx.post(f"{app.url}/predict", json=ASKED, timeout=120, trust_env=False)
    [prediction] = answer.json()["results"]
    assert prediction["model_version"] == version
    [region] = prediction["result"]
    return region_mask(region)


def _written(folder: Path) -> int:
    return len(list(folder.rglob("*.safetensors")))


def _until_written(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not _written(folder):
        assert time.monotonic() < deadline, f"{folder} stays empty"
        time.sleep(0.05)
