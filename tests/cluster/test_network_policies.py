"""Who may talk to whom on Kubernetes, by the policies of each overlay."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import pytest

from tests.cluster.overlays import (
    Json,
    by_overlay,
    counted,
    of_kind,
    serve_config,
    service,
    workers,
)
from tests.cluster.test_kustomize import OVERLAYS

METADATA = ("169.254.169.254", "169.254.170.23", "fd00:ec2::254")
"""Where clouds hand out credentials."""


def pods_of(overlay: str) -> dict[str, dict[str, str]]:
    """The labels of each kind of pod that there is."""
    found = {labels["ray.io/group"]: labels for labels, _ in counted(overlay)}
    # KubeRay makes it of the head's template, when a cluster is gone.
    found["cleanup"] = found["headgroup"] | {"ray.io/node-type": "redis-cleanup"}
    for each in of_kind(overlay, "StatefulSet").values():
        found["redis"] = each["spec"]["template"]["metadata"]["labels"]
    return found


OTHERS = {
    "operator": {"app.kubernetes.io/name": "kuberay-operator"},
    "label-studio": {"app.kubernetes.io/name": "label-studio"},
    "prometheus": {"app.kubernetes.io/name": "prometheus"},
    "dns": {"k8s-app": "kube-dns"},
    "stranger": {"app": "stranger"},
}
_KUBE_SYSTEM = {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}


def selects(selector: Json, labels: Mapping[str, str]) -> bool:
    for each in selector.get("matchExpressions", []):
        assert each["operator"] == "In"
        if labels.get(each["key"]) not in each["values"]:
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def peers(rule_peer: Json, peer: Mapping[str, str] | str, ours: bool) -> bool:
    """Whether a pod by its labels, or an address, is what a rule names. ``ours``: it is in our namespace."""
    if isinstance(peer, str):
        address = ipaddress.ip_address(peer)
        block = rule_peer.get("ipBlock")
        return (
            block is not None
            and any(address in ipaddress.ip_network(each) for each in [block["cidr"]])
            and not any(address in ipaddress.ip_network(each) for each in block.get("except", []))
        )
    namespaces = rule_peer.get("namespaceSelector")
    there = ours if namespaces is None else namespaces == {} or (namespaces == _KUBE_SYSTEM and not ours)
    return "podSelector" in rule_peer and there and selects(rule_peer["podSelector"], peer)


def allowed(
    overlay: str, way: str, pod_labels: Mapping[str, str], peer: Mapping[str, str] | str, port: int
) -> bool:
    """Whether the policies let a pod talk to ``peer`` (``way`` egress) or be talked to by it (ingress)."""
    ours = peer in pods_of(overlay).values()
    chosen = [
        each["spec"]
        for each in of_kind(overlay, "NetworkPolicy").values()
        if selects(each["spec"]["podSelector"], pod_labels)
        and way.capitalize() in each["spec"]["policyTypes"]
    ]
    assert chosen, "a pod that no policy selects may do anything"
    end = {"egress": "to", "ingress": "from"}[way]
    return any(
        any(peers(each, peer, ours) for each in rule[end])
        and ("ports" not in rule or any(each["port"] == port for each in rule["ports"]))
        for spec in chosen
        for rule in spec.get(way, [])
    )


@by_overlay
def test_the_metadata_of_the_cloud_are_closed_to_every_pod(overlay: str) -> None:
    for labels in pods_of(overlay).values():
        for address in METADATA:
            for port in (53, 80, 443, 6443):
                assert not allowed(overlay, "egress", labels, address, port)


@by_overlay
def test_workers_reach_what_they_read_from_and_nothing_else(overlay: str) -> None:
    everybody = pods_of(overlay)
    for name in workers(overlay):
        labels = everybody[name]
        for address in ("1.1.1.1", "2606:4700::1111"):
            assert allowed(overlay, "egress", labels, address, 443)
            assert not allowed(overlay, "egress", labels, address, 22)
        for address in (
            "10.0.0.1",
            "172.20.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "127.0.0.1",
            "fd12::1",
            "fe80::1",
        ):
            assert not allowed(overlay, "egress", labels, address, 443)
        assert allowed(overlay, "egress", labels, everybody["headgroup"], 6379)
        assert allowed(overlay, "egress", labels, OTHERS["label-studio"], 8080)
        assert allowed(overlay, "egress", labels, OTHERS["dns"], 53)
        assert allowed(overlay, "egress", labels, "169.254.20.10", 53)
        assert not allowed(overlay, "egress", labels, "169.254.20.10", 80)
        assert not allowed(overlay, "egress", labels, OTHERS["stranger"], 80)
        if "redis" in everybody:
            assert not allowed(overlay, "egress", labels, everybody["redis"], 6379)


@by_overlay
def test_only_the_head_reaches_the_api_of_kubernetes_and_redis(overlay: str) -> None:
    everybody = pods_of(overlay)
    assert allowed(overlay, "egress", everybody["headgroup"], "10.0.0.1", 443)
    assert not allowed(overlay, "egress", everybody["headgroup"], "10.0.0.1", 80)
    assert ("redis" in everybody) == (overlay == "production")
    if "redis" in everybody:
        for name, labels in everybody.items():
            may = name in ("headgroup", "cleanup")
            assert allowed(overlay, "ingress", everybody["redis"], labels, 6379) == may
            assert not allowed(overlay, "egress", everybody["redis"], "1.1.1.1", 443)
        assert allowed(overlay, "egress", everybody["headgroup"], everybody["redis"], 6379)
        assert allowed(overlay, "egress", everybody["cleanup"], everybody["redis"], 6379)
        assert not allowed(overlay, "ingress", everybody["redis"], OTHERS["stranger"], 6379)


@by_overlay
@pytest.mark.parametrize(
    ("who", "ports"),
    [
        ("label-studio", {8000}),
        ("operator", {8000, 8265, 52365}),
        ("prometheus", {8080, 9101, 44217, 44227}),
        ("stranger", set()),
    ],
)
def test_who_may_talk_to_the_pods_of_ray(overlay: str, who: str, ports: set[int]) -> None:
    tried = (6379, 8000, 8080, 8265, 9101, 10001, 44217, 44227, 52365)
    for name in (*workers(overlay), "headgroup"):
        labels = pods_of(overlay)[name]
        assert {port for port in tried if allowed(overlay, "ingress", labels, OTHERS[who], port)} == ports
        assert allowed(overlay, "ingress", labels, pods_of(overlay)["cpu"], 12345)
    assert serve_config(overlay)["http_options"]["port"] in {8000}


def test_the_head_finds_its_state_where_redis_is() -> None:
    given = service("production")["rayClusterConfig"]["gcsFaultToleranceOptions"]
    [(name, found)] = of_kind("production", "Service").items()
    [port] = found["spec"]["ports"]
    assert given["redisAddress"] == f"redis://{name}:{port['port']}"
    [redis] = of_kind("production", "StatefulSet").values()
    assert found["spec"]["selector"] == redis["spec"]["template"]["metadata"]["labels"]
    [container] = redis["spec"]["template"]["spec"]["containers"]
    [variable] = container["env"]
    assert variable["valueFrom"] == given["redisPassword"]["valueFrom"]
    assert "requirepass $REDISCLI_AUTH" in container["command"][-1]
    for overlay in set(OVERLAYS) - {"production"}:
        assert "gcsFaultToleranceOptions" not in service(overlay)["rayClusterConfig"]
