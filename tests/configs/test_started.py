"""Each config starts and answers a click; GPUs and nodes are faked resources."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from testing.label_studio_requests import predict_body
from testing.running_app import free_port, inherited, running_app
from tests.configs.labelled_nodes import picture

FOLDER = Path(__file__).resolve().parents[2] / "configs"

pytestmark = [pytest.mark.full, pytest.mark.cluster]


def without_weights(name: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """A copy of the config ``name`` in which `classical` serves, and its content."""
    config = yaml.safe_load((FOLDER / name).read_text())
    for application in config["applications"]:
        application["args"] |= {"model": "classical", "image_hosts": "*"}
    path = folder / name
    return path, config


def write(path: Path, config: dict[str, Any]) -> None:
    # Without anchors, which PyYAML would make of what is the same twice.
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("name", ["one-gpu.yaml", "many-gpus.yaml", "models.yaml"])
def test_a_machine_serves_with_it(name: str, tmp_path: Path) -> None:
    path, config = without_weights(name, tmp_path)
    write(path, config)
    env = {"MODEL": "", "WORKERS": "", "RAY_OVERRIDE_RESOURCES": json.dumps({"CPU": 16, "GPU": 4})}
    with running_app(path, env, haproxy=True) as app:
        for application in config["applications"]:
            prefix = application["route_prefix"].rstrip("/")
            sent = httpx.post(
                f"{app.url}{prefix}/predict", json=predict_body(picture()), timeout=60, trust_env=False
            )
            assert sent.status_code == 200, sent.text
            assert len(sent.json()["results"]) == 1


def test_a_cluster_keeps_encoders_on_gpus_and_all_else_off_them(tmp_path: Path) -> None:
    path, config = without_weights("cluster.yaml", tmp_path)
    # All nodes have one address here, and one port.
    config["proxy_location"] = "HeadOnly"
    config["http_options"] |= {"host": "127.0.0.1", "port": free_port()}
    write(path, config)
    command = [sys.executable, "-m", "tests.configs.labelled_nodes", str(path)]
    env = {**inherited(), "RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(FOLDER.parent)}
    done = subprocess.run(command, cwd=FOLDER.parent, env=env, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    [said] = [line for line in done.stdout.splitlines() if line.startswith("{")]  # between lines of Ray's
    found = json.loads(said)
    assert found["results"] == 1
    encoders = found["placed"].pop("Encoder")
    assert set(encoders) == {"gpu"}
    assert set(found["placed"]) == {"Ingress", "Fetcher", "Decoder", "Journal"}
    assert {label for labels in found["placed"].values() for label in labels} == {"cpu"}
