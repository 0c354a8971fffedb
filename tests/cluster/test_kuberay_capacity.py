"""What fits the pods of each overlay, and what may be taken away at once."""

from __future__ import annotations

import copy

import pytest

from serve_app import sizing
from tests.cluster.overlays import (
    Json,
    application,
    by_overlay,
    counted,
    cpus,
    groups,
    head,
    mib,
    of_kind,
    options,
    pod,
    ray,
    settings,
    workers,
)

MIB = 2**20
HARDWARE = "segment-anything/hardware"


@by_overlay
def test_every_replica_books_the_memory_that_it_takes(overlay: str) -> None:
    for name, each in options(overlay).items():
        needed = sizing.replica_mib(name, settings(overlay), gpu=sizing.books_gpu(each))
        assert each["ray_actor_options"]["memory"] >= needed * MIB, name


@by_overlay
def test_the_memory_of_each_pod_adds_up(overlay: str) -> None:
    """Ray's own, its object store and all replicas that Ray places there, each with full caches."""
    for group in groups(overlay):
        given, resources = group["rayStartParams"], ray(group)["resources"]
        own = sizing.NODE if "groupName" in group else sizing.RAY
        sum_mib = own + (int(given["object-store-memory"]) + int(given["memory"])) / MIB
        assert sum_mib <= mib(resources["limits"]["memory"])
        assert resources["requests"]["memory"] == resources["limits"]["memory"], "it is not lent"
        for container in pod(group).get("initContainers", []):
            assert mib(container["resources"]["limits"]["memory"]) <= mib(resources["limits"]["memory"])


def placed(overlay: str, group: Json) -> dict[str, int]:
    """How many replicas of each deployment one node of ``group`` can have at most, if it has no others."""
    here = {name: each for name, each in options(overlay).items() if lands(each, group)}
    most = sizing.replicas(application(overlay), settings(overlay), "max_replicas")
    return {name: min(most[name], int(room(each, group))) for name, each in here.items()}


def lands(deployment: Json, group: Json) -> bool:
    wanted = deployment["ray_actor_options"]["label_selector"]
    return bool(wanted.items() <= group["labels"].items())


def room(deployment: Json, group: Json) -> float:
    booked = deployment["ray_actor_options"]
    gpus = int(ray(group)["resources"]["limits"].get("nvidia.com/gpu", 0))
    has = {"memory": int(group["rayStartParams"]["memory"]), "num_cpus": cpus(group), "num_gpus": gpus}
    by_resource = (has[name] / booked[name] for name in has if booked.get(name))
    return float(min(*by_resource, deployment.get("max_replicas_per_node", 100)))


@by_overlay
def test_what_is_on_its_way_fits_the_object_store_of_each_pod(overlay: str) -> None:
    for name, group in workers(overlay).items():
        here = placed(overlay, group)
        of_one = copy.deepcopy(application(overlay))
        of_one["deployments"] = [each for each in of_one["deployments"] if here.get(each["name"])]
        for each in of_one["deployments"]:
            each["autoscaling_config"] = {"max_replicas": here[each["name"]]}
        # Counted as one where the node has none.
        none = (
            0
            if "Encoder" in here
            else sizing.store_mib({"deployments": []}, settings(overlay), "max_replicas")
        )
        most = sizing.store_mib(of_one, settings(overlay), "max_replicas") - none
        assert most * MIB <= int(group["rayStartParams"]["object-store-memory"]), name


@by_overlay
@pytest.mark.parametrize("bound", ["min_replicas", "max_replicas"])
def test_as_many_nodes_as_there_may_be_carry_as_much_as_there_may_be(
    overlay: str, bound: sizing.Bound
) -> None:
    counts = sizing.replicas(application(overlay), settings(overlay), bound)
    for group in workers(overlay).values():
        nodes = max(1, group["minReplicas"]) if bound == "min_replicas" else group["maxReplicas"]
        here = {name: each for name, each in options(overlay).items() if lands(each, group)}
        has = {"memory": int(group["rayStartParams"]["memory"]), "num_cpus": cpus(group)}
        for resource, each in has.items():
            booked = sum(counts[name] * one["ray_actor_options"][resource] for name, one in here.items())
            assert booked <= nodes * each, resource
        for name, one in here.items():
            assert counts[name] <= nodes * int(room(one, group)), name


@by_overlay
def test_each_deployment_has_its_hardware_and_no_other(overlay: str) -> None:
    encoders = "cpu" if overlay == "cpu" else "gpu"
    assert set(workers(overlay)) == {"cpu", encoders}
    for name, group in workers(overlay).items():
        assert group["labels"] == {HARDWARE: name}
        gpu = name == "gpu"
        assert ("nvidia.com/gpu" in ray(group)["resources"]["limits"]) == gpu
        tainted = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
        assert (tainted in pod(group).get("tolerations", [])) == gpu
    for name, each in options(overlay).items():
        wanted = {HARDWARE: encoders if name == "Encoder" else "cpu"}
        assert each["ray_actor_options"]["label_selector"] == wanted
        assert sizing.books_gpu(each) == (wanted == {HARDWARE: "gpu"})


@by_overlay
def test_no_replica_is_placed_on_the_head(overlay: str) -> None:
    given = head(overlay)["rayStartParams"]
    assert (given["num-cpus"], given["memory"]) == ("0", "0")
    assert all(each["ray_actor_options"]["memory"] > 0 for each in options(overlay).values())


def test_in_production_any_node_may_die() -> None:
    counts = sizing.replicas(application("production"), settings("production"), "min_replicas")
    assert all(count > 1 for name, count in counts.items() if name != "Journal")
    for name in ("Ingress", "Encoder"):
        assert options("production")[name]["max_replicas_per_node"] < counts[name]
    # A rolling change starts one more first.
    assert workers("production")["cpu"]["minReplicas"] > counts["Ingress"]
    for name, group in workers("production").items():
        keys = {each["topologyKey"]: each for each in pod(group)["topologySpreadConstraints"]}
        assert set(keys) == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        wanted = {"app": "segment-anything", "ray.io/group": name}
        assert all(each["labelSelector"]["matchLabels"] == wanted for each in keys.values())


@by_overlay
def test_a_drain_leaves_what_answers(overlay: str) -> None:
    budgets = of_kind(overlay, "PodDisruptionBudget")
    lowest = {}
    for budget in budgets.values():
        selected = budget["spec"]["selector"]["matchLabels"]
        for labels, count in counted(overlay):
            if selected.items() <= labels.items():
                lowest[labels["ray.io/group"]] = (budget["spec"]["minAvailable"], count)
    least = {"headgroup": (1, 1), "cpu": (1, 1)}
    assert lowest == ({"cpu": (2, 3), "gpu": (1, 2)} if overlay == "production" else least)
