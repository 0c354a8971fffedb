"""First clicks while images are encoded for later: a busy device is theirs, whoever was there first."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import yaml

from testing.project_server import Studio, request_of
from testing.running_app import ROOT, RunningApp, running_app

pytestmark = pytest.mark.cluster

ENCODE_S = 0.6
SIZE = (160, 120)


def test_clicks_go_before_what_precompute_has_sent(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    config["applications"][0]["import_path"] = "benchmarks.session.slow_encoder:build"
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(config))
    with Studio(1, *SIZE) as studio:
        env = {
            "LABEL_STUDIO_URL": studio.url,
            "ENCODE_S": str(ENCODE_S),
            "DURABLE": str(tmp_path / "embeddings"),
            "ENCODE_AHEAD": "8",
        }
        with running_app(path, env) as app, ThreadPoolExecutor(40) as threads:
            stopped = threading.Event()
            storing = [threads.submit(_store, app, number, stopped) for number in range(100, 140)]
            _seconds(app, 1)  # the first one finds out how busy the encoder is
            took = [_seconds(app, number) for number in range(2, 6)]
            stopped.set()
            # Each waits for what the device has begun, maybe for one share of the others, and for its own.
            assert max(took) < 6 * ENCODE_S, took
            assert {each.result() for each in storing} <= {200, 504}


def _store(app: RunningApp, number: int, stopped: threading.Event) -> int:
    """Images are stored, one after another, until that is stopped."""
    status = 200
    while not stopped.is_set() and status == 200:
        body = {**request_of(number, SIZE), "params": {"context": None}}
        status = httpx.post(f"{app.url}/embed", json=body, timeout=120, trust_env=False).status_code
        number += 1000
    return status


def _seconds(app: RunningApp, number: int) -> float:
    started = time.perf_counter()
    answer = httpx.post(f"{app.url}/predict", json=request_of(number, SIZE), timeout=120, trust_env=False)
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - started
