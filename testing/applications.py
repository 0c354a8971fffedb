"""Applications that come and go beside others in one Ray, as `serve deploy` makes them.

A Ray of its own costs about as much as six applications in one that runs.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import yaml

from testing.running_app import ROOT, RunningApp

Json = dict[str, Any]

DEPLOYED_S = 180
_PLACE = "/api/serve/applications/"
# What Ray books for a replica, so that many have room on two cores.
_CPUS = 0.02


def serve_config() -> Json:
    """The content of configs/serve.yaml."""
    config: Json = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    return config


def application(
    name: str,
    args: Json,
    *,
    prefix: str | None = None,
    build: str | None = None,
    variables: Mapping[str, str] | None = None,
    decoders: int = 1,
) -> Json:
    """An application as in configs/serve.yaml, on a small machine: each replica books little, and none comes.

    ``args``: its settings; one process reads requests unless they say otherwise. It answers below
    ``prefix``, or its name. ``build``: what makes it, where that is no application of ours. ``variables``:
    more of its replicas' environment, which must hold no secret.
    """
    [made] = serve_config()["applications"]
    made |= {"name": name, "route_prefix": f"/{name}" if prefix is None else prefix}
    made["args"] = {"workers": 1, **args}
    if variables:
        made["runtime_env"] = {"env_vars": dict(variables)}
    if build is not None:
        made["import_path"] = build
    for each in made["deployments"]:
        each.pop("autoscaling_config", None)
        each["ray_actor_options"] = {"num_cpus": _CPUS}
        if each["name"] != "Ingress":
            each["num_replicas"] = decoders if each["name"] == "Decoder" else 1
    return dict(made)


class Applications:
    """Those of ``app``, which was started with ``config`` and can be given others."""

    def __init__(self, app: RunningApp, config: Json) -> None:
        self.app = app
        self._config = copy.deepcopy(config)

    def url(self, name: str) -> str:
        """Where an application answers that has its name for a prefix."""
        return f"{self.app.url}/{name}"

    def deploy(self, *applications: Json) -> None:
        """Deploy these beside the others, or in place of those of the same name. Nothing is awaited."""
        names = {each["name"] for each in applications}
        self._put([*self._but(names), *copy.deepcopy(applications)])

    def remove(self, *names: str) -> None:
        """Take these away. Nothing is awaited."""
        self._put(self._but(set(names)))

    @contextmanager
    def beside(self, *applications: Json) -> Iterator[None]:
        """Within the block these serve beside the others."""
        names = [each["name"] for each in applications]
        self.deploy(*applications)
        try:
            self.wait(*names)
            yield
        finally:
            self.remove(*names)

    def wait(self, *names: str) -> None:
        """Return when all of these serve. Raises AssertionError after three minutes, with what Serve says."""
        deadline = time.monotonic() + DEPLOYED_S
        while any(self.state(name)[0] != "RUNNING" for name in names):
            assert time.monotonic() < deadline, {name: self.state(name) for name in names}
            time.sleep(0.2)

    def state(self, name: str) -> tuple[str, str]:
        """(status, message) as `serve status` has them; both empty where there is no such application."""
        with self.app.dashboard_client() as client:
            found = client.get(_PLACE).raise_for_status().json()["applications"].get(name)
        return (found["status"], found["message"]) if found else ("", "")

    def _but(self, names: set[str]) -> list[Json]:
        return [each for each in self._config["applications"] if each["name"] not in names]

    def _put(self, applications: list[Json]) -> None:
        self._config["applications"] = applications
        with self.app.dashboard_client() as client:
            client.put(_PLACE, json=self._config).raise_for_status()
