"""Label Studio waits 1 s for /health and 3 s for /setup: neither waits for the model to load."""

from __future__ import annotations

import concurrent.futures
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from testing.running_app import ROOT, running_app
from testing.scenes import scene
from tests.deployments.test_graph import click

pytestmark = pytest.mark.cluster


def answer(url: str, method: str, path: str, **content: Any) -> httpx.Response | None:
    """The answer, or None while nobody listens yet."""
    try:
        return httpx.request(method, url + path, timeout=60, trust_env=False, **content)
    except httpx.TransportError:
        return None


def test_health_and_setup_answer_while_the_model_loads(tmp_path: Path) -> None:
    admission = tmp_path / "admission"
    config = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    config["applications"][0]["import_path"] = "tests.deployments.slow_to_load:build"
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(config))
    with running_app(tmp_path / "serve.yaml", {"GATE": str(admission)}, haproxy=True, ready=False) as app:
        deadline = time.monotonic() + 120
        while (health := answer(app.url, "GET", "/health")) is None or health.status_code != 200:
            assert time.monotonic() < deadline, app.said()
            assert app.process.poll() is None, app.said()
        assert "backend    http" not in app.said()
        setup = answer(app.url, "POST", "/setup", json={"schema": "<View/>"})
        assert setup is not None
        for response in (health, setup):
            assert response.json()["model_version"] == "classical-1"
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(
                httpx.post, f"{app.url}/predict", json=click(scene(3, 320, 240)), timeout=120, trust_env=False
            )
            opened = answer(app.url, "POST", "/predict", json={**click(scene(4, 320, 240)), "params": {}})
            assert opened is not None
            assert opened.json() == {"results": []}
            admission.touch()
            assert len(waiting.result().json()["results"][0]["result"]) == 1
