"""One cluster, calm weather, and then one node lost after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.bar import Bar
from benchmarks.nodes.load_balancer import PORT, LoadBalancer
from benchmarks.nodes.redis import Redis
from benchmarks.nodes.report import Row
from serve_app import ROOT
from testing.annotating.annotators import TIMEOUT_S, Annotators, asking, client
from testing.annotating.figures import Calm, Event, figures
from testing.annotating.questions import PICTURES, SIZE, Questions
from testing.canary import CANARY
from testing.hosts import Host, HostFailed, Network
from testing.project_server import Studio
from testing.ray_hosts import RayHosts

KILLED, CUT_OFF, DRAINED = "worker killed", "worker cut off", "worker drained"
HEAD = "head killed"
EVENTS = (KILLED, DRAINED, HEAD, CUT_OFF)

WORKERS = 3
"""As in the production overlay: two of everything that clicks need, and room for a third."""

START_S = 400.0
GIVE_UP_S = 300.0
"""Seconds after which an application that does not run again ends the run."""

CALM_S = 15.0
PAUSE_S = 10.0
HEAD_AWAY_S = 10.0
"""From the death of the head to the start of the next one."""

PRODUCTION = ROOT / "cluster" / "kuberay" / "overlays" / "production" / "serve.yaml"
APPLICATION = "segment-anything"


@dataclass(frozen=True)
class Plan:
    """Which events, and how many annotators click meanwhile."""

    only: Sequence[str]
    annotators: int

    def described(self) -> str:
        """The plan in a sentence."""
        return (
            f"classical; {self.annotators} annotators; a head and {WORKERS} workers, two of each deployment"
        )


@dataclass(frozen=True)
class Cluster:
    """What runs: Ray on its head and its workers, and the address that annotators know."""

    ray: RayHosts
    workers: list[Host]
    url: str

    def wait(self, without: str = "") -> float:
        """Until everything runs, not on the node ``without``."""
        return self.ray.wait(APPLICATION, GIVE_UP_S, without)

    def wait_until_empty(self, worker: Host) -> None:
        """Until no replica is on a node, the last ones having answered what they began."""
        deadline = time.monotonic() + GIVE_UP_S
        while (state := self.ray.state(APPLICATION)) is None or state.on(worker.address):
            if time.monotonic() > deadline:
                raise HostFailed(f"{worker.name} was drained and still has replicas: {state}")
            time.sleep(0.5)


def configured(text: str) -> dict[str, Any]:
    """The production overlay's config for nodes without GPUs: ``classical``, two of each deployment."""
    config: dict[str, Any] = yaml.safe_load(text)
    [application] = config["applications"]
    application["args"]["model"] = "classical"
    by_name = {each["name"]: each for each in application["deployments"]}
    for name in ("Fetcher", "Encoder", "Decoder"):
        by_name[name].pop("autoscaling_config")
        by_name[name] |= {"num_replicas": 2, "max_replicas_per_node": 1}
    options = by_name["Encoder"]["ray_actor_options"]
    options.pop("num_gpus")
    options |= {
        "memory": 850_000_000,
        "label_selector": by_name["Ingress"]["ray_actor_options"]["label_selector"],
    }
    return config


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that runs the application, behind a load balancer."""
    folder.mkdir()
    with ExitStack() as stack:
        network = stack.enter_context(Network(folder))
        studio = stack.enter_context(Studio(1, *SIZE, pictures=PICTURES, host=network.address))
        redis = stack.enter_context(Redis(folder, network.address))
        settings = {
            "LABEL_STUDIO_URL": studio.url,
            "LABEL_STUDIO_API_KEY": CANARY,
            "HANDOVER": "/tmp/embeddings",
            **redis.settings,
        }
        ray = RayHosts(network, folder, settings)
        workers = [ray.host(f"worker{number}") for number in range(1, WORKERS + 1)]
        made = Cluster(ray, workers, f"http://{network.address}:{PORT}")
        ray.start_head()
        for worker in workers:
            ray.start_worker(worker)
        ray.deploy(configured(PRODUCTION.read_text()))
        ray.wait(APPLICATION, START_S)
        stack.enter_context(LoadBalancer(folder, [worker.address for worker in workers]))
        yield made


def run(plan: Plan, folder: Path) -> Iterator[Row]:
    """Carry out the plan. Raises HostFailed where the application does not run again."""
    questions = Questions()
    with cluster(folder) as made, Bar(len(plan.only)) as bar:
        with client(made.url, TIMEOUT_S) as http:
            questions.learn(asking(http))
        with Annotators(made.url, questions, plan.annotators) as annotators:
            bar.begin("a calm run")
            time.sleep(CALM_S)
            calm = Calm.of(annotators.clicks)
            for what in plan.only:
                bar.begin(what)
                began = time.monotonic()
                running = _HAPPEN[what](made)
                time.sleep(PAUSE_S)
                yield Row(running, figures(what, [Event(what, began)], *_until_now(annotators), calm))
                bar.advance(1)


def _until_now(annotators: Annotators) -> tuple[list[Any], list[Any]]:
    return list(annotators.clicks), list(annotators.probes)


def _loaded(made: Cluster) -> Host:
    """The worker with the most replicas, of which an ingress and a decoder are the ones that clicks need."""
    state = made.ray.state(APPLICATION)
    assert state is not None
    return max(made.workers, key=lambda worker: state.on(worker.address))


def _killed(made: Cluster) -> float:
    worker = _loaded(made)
    worker.kill()
    running = made.wait(worker.address)
    made.ray.start_worker(worker)
    return running


def _cut_off(made: Cluster) -> float:
    worker = _loaded(made)
    worker.cut_off()
    running = made.wait(worker.address)
    worker.kill()
    worker.connect()
    made.ray.start_worker(worker)
    return running


def _drained(made: Cluster) -> float:
    worker = _loaded(made)
    state = made.ray.state(APPLICATION)
    assert state is not None
    made.ray.drain(worker, state.nodes[worker.address])
    running = made.wait(worker.address)
    made.wait_until_empty(worker)
    worker.end()
    time.sleep(PAUSE_S)
    made.ray.start_worker(worker)
    return running


def _head(made: Cluster) -> float:
    began = time.monotonic()
    made.ray.head.kill()
    time.sleep(HEAD_AWAY_S)
    made.ray.start_head()
    made.wait()
    return time.monotonic() - began


_HAPPEN: dict[str, Callable[[Cluster], float]] = {
    KILLED: _killed,
    DRAINED: _drained,
    HEAD: _head,
    CUT_OFF: _cut_off,
}
