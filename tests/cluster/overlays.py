"""The overlays in cluster/kuberay as the tests read them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from cluster.kustomize import render
from serve_app.lint.serve import FileSettings
from tests.cluster.test_kustomize import KUBERAY, OVERLAYS

Json = dict[str, Any]


by_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@cache
def rendered(overlay: str) -> list[Json]:
    return render(KUBERAY / "overlays" / overlay)


def of_kind(overlay: str, kind: str) -> dict[str, Json]:
    return {each["metadata"]["name"]: each for each in rendered(overlay) if each["kind"] == kind}


def service(overlay: str) -> Json:
    [found] = of_kind(overlay, "RayService").values()
    return dict(found["spec"])


def serve_config(overlay: str) -> Json:
    content: Json = yaml.safe_load(service(overlay)["serveConfigV2"])
    return content


def application(overlay: str) -> Json:
    [found] = serve_config(overlay)["applications"]
    return dict(found)


def options(overlay: str) -> dict[str, Json]:
    return {each["name"]: each for each in application(overlay)["deployments"]}


def settings(overlay: str) -> FileSettings:
    return FileSettings(**application(overlay)["args"])


def head(overlay: str) -> Json:
    return dict(service(overlay)["rayClusterConfig"]["headGroupSpec"])


def workers(overlay: str) -> dict[str, Json]:
    return {each["groupName"]: each for each in service(overlay)["rayClusterConfig"]["workerGroupSpecs"]}


def groups(overlay: str) -> list[Json]:
    """The head group and the worker groups."""
    return [head(overlay), *workers(overlay).values()]


def pod(group: Json) -> Json:
    return dict(group["template"]["spec"])


def ray(group: Json) -> Json:
    [found] = pod(group)["containers"]
    return dict(found)


def every_pod(overlay: str) -> list[Json]:
    """Ray's and those of what is beside it."""
    others = [each["spec"]["template"]["spec"] for each in of_kind(overlay, "StatefulSet").values()]
    return [*map(pod, groups(overlay)), *others]


def containers(of: Json) -> list[Json]:
    return [*of.get("initContainers", []), *of["containers"]]


def mib(quantity: str) -> float:
    units = {"Gi": 1024, "Mi": 1}
    return int(quantity[:-2]) * units[quantity[-2:]]


def cpus(group: Json) -> float:
    """What KubeRay tells Ray: the limit, or else what is requested."""
    resources = ray(group)["resources"]
    return float(resources["limits"].get("cpu", resources["requests"]["cpu"]))


def counted(overlay: str) -> Iterator[tuple[dict[str, str], int]]:
    """The labels of each group's pods, from us and from KubeRay, and how many there are at least."""
    yield labels_of(head(overlay), "head", "headgroup"), 1
    for name, group in workers(overlay).items():
        yield labels_of(group, "worker", name), group["minReplicas"]


def labels_of(group: Json, kind: str, name: str) -> dict[str, str]:
    own: dict[str, str] = group["template"]["metadata"]["labels"]
    return {**own, **group.get("labels", {}), "ray.io/node-type": kind, "ray.io/group": name}
