"""Three Ray nodes on this machine: a head, one labelled cpu and one labelled gpu, with faked resources.

    python -m tests.configs.labelled_nodes CONFIG

Deploys the config on them, sends one click, and prints as JSON on which nodes the replicas of each deployment
are, by their labels, and how many results there were. In a process of its own, because Ray reads its
environment when it is imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import ray
import yaml
from ray import serve
from ray.cluster_utils import Cluster
from ray.serve.context import _get_global_client
from ray.serve.schema import ServeDeploySchema

from testing.image_files import data_url
from testing.label_studio_requests import predict_body

HARDWARE = "segment-anything/hardware"
NODES: dict[str, dict[str, Any]] = {
    "cpu": {"num_cpus": 8, "memory": 27_000_000_000},
    "gpu": {"num_cpus": 4, "num_gpus": 1, "memory": 13_000_000_000},
}
_STORE = 100 * 2**20


def placed(config: dict[str, Any]) -> dict[str, list[str]]:
    """Deploys ``config``; where each deployment's replicas are."""
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "object_store_memory": _STORE, "dashboard_port": 0},
    )
    for hardware, resources in NODES.items():
        cluster.add_node(labels={HARDWARE: hardware}, object_store_memory=_STORE, **resources)
    ray.init(address=cluster.address, log_to_driver=False)
    http = config["http_options"]
    serve.start(proxy_location=config["proxy_location"], http_options=http)
    client = _get_global_client()
    client.deploy_apps(ServeDeploySchema.model_validate(config), _blocking=True)
    labels = {node["NodeID"]: node["Labels"].get(HARDWARE, "none") for node in ray.nodes()}
    applications = client.get_serve_details()["applications"].values()
    return {
        name: [labels[replica["node_id"]] for replica in deployment["replicas"]]
        for application in applications
        for name, deployment in application["deployments"].items()
    }


def picture() -> str:
    """A bright rectangle as a data: URL, of the shape of the picture that the captured click is on."""
    pixels = np.full((160, 240, 3), 40, np.uint8)
    pixels[20:140, 30:210] = (200, 220, 240)
    return data_url(pixels)


def main(path: Path) -> None:
    """Prints what came of it."""
    config = yaml.safe_load(path.read_text())
    found = placed(config)
    url = f"http://127.0.0.1:{config['http_options']['port']}/predict"
    answer = httpx.post(url, json=predict_body(picture()), timeout=60, trust_env=False).raise_for_status()
    print(json.dumps({"placed": found, "results": len(answer.json()["results"])}))  # noqa: T201
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
