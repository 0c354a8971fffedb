"""Label Studio gives a backend 1 s for /health and 3 s for /setup, however long a model takes to load."""

from __future__ import annotations

import concurrent.futures
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from benchmarks.scenes import scene
from tests.deployments.test_graph import click
from tests.running_app import ROOT, running_app

pytestmark = pytest.mark.cluster


def answer(url: str, method: str, path: str, **content: Any) -> httpx.Response | None:
    """The answer, or None while nobody listens yet."""
    try:
        return httpx.request(method, url + path, timeout=5, trust_env=False, **content)
    except httpx.TransportError:
        return None


@pytest.mark.parametrize("haproxy", [True, False], ids=["haproxy", "serve-proxy"])
def test_health_and_setup_answer_while_the_model_loads(tmp_path: Path, haproxy: bool) -> None:
    gate = tmp_path / "gate"
    config = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    config["applications"][0]["import_path"] = "tests.deployments.slow_to_load:build"
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(config))
    with running_app(tmp_path / "serve.yaml", {"GATE": str(gate)}, haproxy=haproxy, ready=False) as app:
        deadline = time.monotonic() + 120
        while (health := answer(app.url, "GET", "/health")) is None or health.status_code != 200:
            assert time.monotonic() < deadline, app.said()
            assert app.process.poll() is None, app.said()
        assert "backend    http" not in app.said()
        for path, limit_s in (("/health", 1), ("/setup", 3)):
            method, content = ("GET", {}) if path == "/health" else ("POST", {"json": {"schema": "<View/>"}})
            started = time.monotonic()
            response = answer(app.url, method, path, **content)
            assert response is not None
            assert response.json()["model_version"] == "classical-1"
            assert time.monotonic() - started < limit_s
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(
                httpx.post, f"{app.url}/predict", json=click(scene(3, 320, 240)), timeout=120, trust_env=False
            )
            opened = answer(app.url, "POST", "/predict", json={**click(scene(4, 320, 240)), "params": {}})
            assert opened is not None
            assert opened.json() == {"results": []}
            gate.touch()
            assert len(waiting.result().json()["results"][0]["result"]) == 1
