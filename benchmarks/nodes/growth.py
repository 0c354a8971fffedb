"""A cluster whose autoscaler starts and stops the nodes, while annotators click.

The autoscaler is Ray's own, with the file of cluster/launcher but for its cloud, which is this machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.nodes.load_balancer import PORT, LoadBalancer
from benchmarks.nodes.report import Row
from benchmarks.nodes.run import APPLICATION, CALM_S, PAUSE_S, PRODUCTION, START_S, configured
from serve_app import ROOT
from testing.annotating.annotators import TIMEOUT_S, Annotators, asking, client
from testing.annotating.figures import Calm, Event, figures
from testing.annotating.questions import PICTURES, SIZE, Questions
from testing.canary import CANARY
from testing.hosts import Host, HostFailed, Network
from testing.node_provider import Cloud
from testing.project_server import Studio
from testing.ray_hosts import CPUS, MEMORY, RayHosts

MORE, LESS = "a decoder more: a node comes", "a decoder less: its node goes"
EVENTS = (MORE, LESS)
GROWTH = "growth"
"""Both, by one name."""

IDLE_MINUTES = 0.3
NODES_S = 240.0
"""Seconds after which nodes that have not come or gone end the run."""

LAUNCHER = ROOT / "cluster" / "launcher" / "aws.yaml"
_MOST = 5


def autoscaler(text: str, orders: Path) -> dict[str, Any]:
    """The launcher's file for this machine: small nodes, made by who reads ``orders``, soon idle."""
    config: dict[str, Any] = yaml.safe_load(text)
    config["provider"] = {
        "type": "external",
        "module": "testing.node_provider.HostProvider",
        "folder": str(orders),
        # Nobody logs in to a node to start Ray there.
        "disable_node_updaters": True,
        "use_internal_ips": True,
    }
    # `ray up` copies files to the head, and says there which those are.
    config |= {"file_mounts": {}, "cluster_synced_files": []}
    config["idle_timeout_minutes"] = IDLE_MINUTES
    workers = config["available_node_types"]["cpu"]
    workers["resources"] = {"CPU": CPUS, "memory": MEMORY}
    workers["min_workers"] = 0
    return config


def with_decoders(count: int) -> dict[str, Any]:
    """The config of the other events with so many decoders, each on a node of its own."""
    config = configured(PRODUCTION.read_text())
    [decoder] = [each for each in config["applications"][0]["deployments"] if each["name"] == "Decoder"]
    decoder["num_replicas"] = count
    return config


@dataclass
class Nodes:
    """Makes hosts for the cloud. Names of hosts are those of the autoscaler."""

    ray: RayHosts
    hosts: dict[str, Host]

    def start(self, name: str, kind: str) -> str:
        """A node of the type ``kind``; its address. Raises HostFailed for what this machine does not have."""
        if kind != "cpu":
            raise HostFailed(f"the autoscaler asks for a node of the type {kind}")
        self.hosts[name] = self.ray.host(name)
        self.ray.start_worker(self.hosts[name], name)
        return self.hosts[name].address

    def stop(self, name: str) -> None:
        """Take it away."""
        self.hosts[name].kill()


def run(annotators: int, folder: Path) -> Iterator[Row]:
    """Begin without nodes, deploy, add a decoder, take it away.

    Raises HostFailed where no node comes or goes.
    """
    questions = Questions()
    folder.mkdir()
    with ExitStack() as stack:
        network = stack.enter_context(Network(folder))
        studio = stack.enter_context(Studio(1, *SIZE, pictures=PICTURES, host=network.address))
        settings = {
            "LABEL_STUDIO_URL": studio.url,
            "LABEL_STUDIO_API_KEY": CANARY,
            "HANDOVER": "/tmp/embeddings",
        }
        ray = RayHosts(network, folder, settings)
        file, nodes = folder / "autoscaler.yaml", Nodes(ray, {})
        file.write_text(yaml.safe_dump(autoscaler(LAUNCHER.read_text(), folder / "orders")))
        cloud = Cloud(folder / "orders", ray.head.address, nodes.start, nodes.stop)
        ray.start_head(file)
        stack.enter_context(cloud)
        ray.deploy(with_decoders(2))
        ray.wait(APPLICATION, START_S)
        _until(cloud, lambda: len(cloud.nodes) == 2)
        url = f"http://{network.address}:{PORT}"
        stack.enter_context(
            LoadBalancer(folder, [network.address_of(number) for number in range(3, 3 + _MOST)])
        )
        with client(url, TIMEOUT_S) as http:
            _until_it_knows_who_is_there(http)
            questions.learn(asking(http))
        with Annotators(url, questions, annotators) as working:
            time.sleep(CALM_S)
            calm = Calm.of(working.clicks)
            for what, decoders, count in ((MORE, 3, 3), (LESS, 2, 2)):
                began = time.monotonic()
                ray.deploy(with_decoders(decoders))
                _until(cloud, lambda count=count: len(cloud.nodes) == count)  # type: ignore[misc]
                ray.wait(APPLICATION, NODES_S)
                took = time.monotonic() - began
                time.sleep(PAUSE_S)
                seen = list(working.clicks), list(working.probes)
                yield Row(took, figures(what, [Event(what, began)], *seen, calm), NODES_S)


def _until_it_knows_who_is_there(balancer: httpx.Client) -> None:
    """A load balancer that starts takes all of its nodes for there, until it has asked each. Raises
    HostFailed."""
    deadline, well = time.monotonic() + START_S, 0
    while well < 2 * _MOST:
        well = well + 1 if balancer.get("/health").is_success else 0
        if time.monotonic() > deadline:
            raise HostFailed(f"the load balancer sent requests to nodes that are not there for {START_S:g} s")


def _until(cloud: Cloud, reached: Callable[[], bool]) -> None:
    """Wait for the cloud's nodes. Raises HostFailed."""
    deadline = time.monotonic() + NODES_S
    while not reached():
        if cloud.failed is not None:
            raise HostFailed(f"a node could not be made: {cloud.failed}") from cloud.failed
        if time.monotonic() > deadline:
            raise HostFailed(f"there were {len(cloud.nodes)} nodes for {NODES_S:g} s: {cloud.nodes}")
        time.sleep(0.2)
