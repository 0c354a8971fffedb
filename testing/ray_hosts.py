"""A Ray cluster on hosts of this machine, started by the commands of cluster/launcher, as by `ray up`."""

from __future__ import annotations

import contextlib
import re
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from serve_app import ROOT
from testing.hosts import Host, HostFailed, Network

Json = dict[str, Any]

PORT = 8000
"""Where every node with replicas answers: configs/cluster.yaml."""

CPUS = 2
MEMORY = 16_000_000_000
"""What Ray may book of a worker. Nothing is limited to it."""

LABEL = "segment-anything/hardware=cpu"

_APPLICATIONS = "/api/serve/applications/"
_DASHBOARD_PORT = 8265
# Of each worker, in the one memory that there is.
_STORED = 200_000_000
_ASKED_S = 20.0
_STARTS = 3


@dataclass(frozen=True, slots=True)
class ServeState:
    """What Serve says: the application's ``status``; the replicas by deployment, as pairs of their state and
    the address of their node; how many there should be; the state of each node's proxy by its address, and
    Ray's name of the node."""

    status: str
    replicas: Mapping[str, list[tuple[str, str]]]
    targets: Mapping[str, int]
    proxies: Mapping[str, str]
    nodes: Mapping[str, str]

    @classmethod
    def of(cls, said: Json, application: str) -> ServeState:
        """From the answer of Ray's dashboard."""
        found = said["applications"].get(application, {})
        deployments = found.get("deployments", {})
        return cls(
            str(found.get("status", "")),
            {
                name: [(str(each["state"]), str(each["node_ip"])) for each in deployment["replicas"]]
                for name, deployment in deployments.items()
            },
            {name: int(deployment["target_num_replicas"]) for name, deployment in deployments.items()},
            {str(each["node_ip"]): str(each["status"]) for each in said["proxies"].values()},
            {str(each["node_ip"]): node for node, each in said["proxies"].items()},
        )

    def on(self, address: str) -> int:
        """How many replicas there are on a node, whatever their state."""
        return sum(at == address for each in self.replicas.values() for _, at in each)

    def runs_without(self, address: str = "") -> bool:
        """Whether the application runs, with as many replicas as it should have, not counting that node."""
        return self.status == "RUNNING" and all(
            sum(state == "RUNNING" and at != address for state, at in each) >= self.targets[name]
            for name, each in self.replicas.items()
        )


class RayHosts:
    """The cluster. ``folder``: what all hosts see; ``settings``: of the application, on every host."""

    def __init__(self, network: Network, folder: Path, settings: Mapping[str, str]) -> None:
        self._network = network
        self._token = secrets.token_hex(32)
        self._folder = folder
        self._variables = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **settings,
        }
        commands: Json = yaml.safe_load((ROOT / "cluster" / "launcher" / "aws.yaml").read_text())
        self._start_head = _for_a_test(commands["head_start_ray_commands"][-1])
        self._start_worker = _for_a_test(commands["worker_start_ray_commands"][-1])
        self.head = self.host("head")

    def host(self, name: str) -> Host:
        """One more host without Ray, as `ray up` leaves it: with the repository, its packages, the token."""
        home = self._folder / f"home-{name}"
        (home / ".ray").mkdir(parents=True)
        (home / ".ray" / "auth_token").write_text(self._token)
        (home / "segment-anything").symlink_to(ROOT)
        (home / "venv").symlink_to(sys.prefix)
        return self._network.host(name, {**self._variables, "HOME": str(home)})

    def start_head(self, autoscaling: Path | None = None) -> None:
        """Start Ray's head, with an autoscaler where a file for it is given.

        What it knows is in the Redis of RAY_REDIS_ADDRESS, if the settings name one.
        """
        if autoscaling is None:
            _start(self.head, self._start_head)
        else:
            script = f"{self._start_head} --autoscaling-config={autoscaling}"
            _start(self.head, script, _known("head", "head") | {"RAY_enable_autoscaler_v2": "1"})

    def start_worker(self, host: Host, name: str = "") -> None:
        """Start a node that belongs to the head; ``name``: by which an autoscaler knows it."""
        script = f"{self._start_worker} --num-cpus={CPUS} --memory={MEMORY} --labels={LABEL}"
        _start(host, script, {"RAY_HEAD_IP": self.head.address, **(_known(name, "cpu") if name else {})})

    def deploy(self, config: Json) -> None:
        """As `serve deploy` does it. Nothing is awaited."""
        with self._dashboard() as http:
            http.put(_APPLICATIONS, json=config, timeout=60).raise_for_status()

    def state(self, application: str) -> ServeState | None:
        """What Serve says; None while it cannot be asked."""
        try:
            with self._dashboard() as http:
                return ServeState.of(http.get(_APPLICATIONS).raise_for_status().json(), application)
        except (httpx.HTTPError, KeyError, ValueError):
            return None

    def wait(self, application: str, within_s: float, without: str = "") -> float:
        """Return when the application runs without what is on the node ``without``; how long it took.

        Raises HostFailed after ``within_s`` seconds, with what Serve says then.
        """
        began = time.monotonic()
        while True:
            state = self.state(application)
            if state is not None and state.runs_without(without):
                return time.monotonic() - began
            if time.monotonic() - began > within_s:
                raise HostFailed(f"the application did not run within {within_s:g} s: {state}")
            time.sleep(0.5)

    def drain(self, host: Host, node: str) -> None:
        """Tell Ray that the node of a host is to be taken away, as before its maintenance."""
        host.run(
            ". ~/segment-anything/cluster/launcher/environment; ray drain-node"
            f" --address {self.head.address}:6379 --node-id {node} --reason DRAIN_NODE_REASON_PREEMPTION"
            " --reason-message maintenance"
        )

    def _dashboard(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://{self.head.address}:{_DASHBOARD_PORT}",
            headers={"Authorization": f"Bearer {self._token}"},
            trust_env=False,
            timeout=_ASKED_S,
        )


def _start(host: Host, script: str, variables: Mapping[str, str] | None = None) -> None:
    """Start Ray, which gives up where one of its parts takes 15 s, as it may on a busy machine."""
    for _ in range(_STARTS - 1):
        with contextlib.suppress(HostFailed):
            host.start(script, variables)
            return
        host.end()
    host.start(script, variables)


def _known(name: str, kind: str) -> dict[str, str]:
    """What `ray up` tells Ray of a node of the type ``kind``."""
    return {"RAY_CLOUD_INSTANCE_ID": name, "RAY_NODE_TYPE_NAME": kind}


def _for_a_test(command: str) -> str:
    """A command of the launcher without its autoscaler, with less memory, and a dashboard for the test."""
    command = command.replace(" --autoscaling-config=~/ray_bootstrap_config.yaml", "")
    command = command.replace("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0")
    return re.sub(r"--object-store-memory=\d+", f"--object-store-memory={_STORED}", command)
