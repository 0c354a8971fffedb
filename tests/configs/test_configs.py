from __future__ import annotations

import importlib
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from deployments.http.middleware import in_front
from deployments.options import IngressOptions
from segmenters.models import ARCHITECTURES
from serve_app import sizing
from serve_app.app import DEPLOYMENTS, ENCODER_CPUS, surviving
from serve_app.cli.serve.environment import SERVING
from serve_app.lint.serve import FileSettings
from serve_app.lint.yaml_files import lint_file
from serve_app.settings import Settings
from serve_app.sizing import Bound

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.yaml"))
FOLDER = CONFIGS[0].parent
SERVE, CLUSTER = (FOLDER / name for name in ("serve.yaml", "cluster.yaml"))
KUBERAY = FOLDER.parent / "cluster" / "kuberay" / "overlays"
LAPTOP = {"cpus": 2, "memory_mib": 8 * 1024}
MACHINES = {
    "one-gpu.yaml": {"gpus": 1, "cpus": 8, "memory_gib": 24},
    "many-gpus.yaml": {"gpus": 4, "cpus": 16, "memory_gib": 64},
    "models.yaml": {"gpus": 0, "cpus": 4, "memory_gib": 16},
}
"""Those that the configs name, which all their replicas fit."""
OBJECT_STORE_SHARE = 0.3
"""What Ray takes of a machine's memory for its object store."""

HAPROXY_CONNECTIONS = 4096

by_name = pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
by_machine = pytest.mark.parametrize("name", MACHINES)


def read(config: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(config.read_text(), yaml.CSafeLoader)
    return content


def deployment(config: dict[str, Any], name: str) -> dict[str, Any]:
    """Of the first application; where there are several, their deployments are the same."""
    first, *others = config["applications"]
    assert all(each["deployments"] == first["deployments"] for each in others)
    found: dict[str, Any] = next(each for each in first["deployments"] if each["name"] == name)
    return found


def replicas(config: dict[str, Any], name: str, bound: str) -> int:
    options = deployment(config, name)
    if name == "Ingress":
        return int(config["applications"][0]["args"].get("workers", IngressOptions().workers))
    return int(options.get("autoscaling_config", {}).get(bound) or options["num_replicas"])


def cpus(config: dict[str, Any], bound: str) -> float:
    own = {"num_cpus": ENCODER_CPUS}  # of the encoder, where the config says nothing
    booked = {
        name: float(deployment(config, name).get("ray_actor_options", own)["num_cpus"])
        for name in DEPLOYMENTS
    }
    each = sum(replicas(config, name, bound) * share for name, share in booked.items())
    return len(config["applications"]) * each


def memory_mib(config: dict[str, Any], bound: Bound) -> tuple[int, int]:
    """MiB that a machine needs, and of them those of the object store, for that many replicas."""
    whole, store = sizing.RAY, 0
    for application in config["applications"]:
        settings = FileSettings(**application["args"])
        whole += sizing.machine_mib(application, settings, bound) - sizing.RAY
        store += sizing.store_mib(application, settings, bound)
    return whole, store


@by_name
def test_every_config_is_clean(config: Path) -> None:
    assert [str(problem) for problem in lint_file(config)] == []


@by_name
def test_ray_accepts_every_config(config: Path) -> None:
    ServeDeploySchema.model_validate(read(config))


@by_name
def test_replicas_take_what_they_read_from_their_node(config: Path) -> None:
    # A worker with a runtime_env imports Ray twice, and never is one that has started already.
    for application in read(config)["applications"]:
        assert "runtime_env" not in application
        assert not [
            each for each in application["deployments"] if "runtime_env" in each.get("ray_actor_options", {})
        ]


def test_clicks_are_refused_in_front_of_serve() -> None:
    module, function = SERVING["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"].split(":")
    assert getattr(importlib.import_module(module), function) is in_front


@by_name
def test_no_click_waits_unseen(config: Path) -> None:
    # What is over this waits in a queue that neither the door nor a decoder knows of, and /health with it.
    for name in ("Ingress", "Decoder"):
        assert deployment(read(config), name)["max_ongoing_requests"] >= HAPROXY_CONNECTIONS


@by_name
def test_every_deployment_of_the_graph_is_in_every_config_in_the_same_order(config: Path) -> None:
    for application in read(config)["applications"]:
        assert [each["name"] for each in application["deployments"]] == list(DEPLOYMENTS)


def keys(value: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """The keys of every mapping in order, by its path; of a list's items by their names."""
    if isinstance(value, dict):
        yield path, list(value)
        for key, inner in value.items():
            yield from keys(inner, f"{path}/{key}")
    for item in value if isinstance(value, list) else []:
        name = item.get("name") if isinstance(item, dict) else ""
        yield from keys(item, f"{path}/{name if name in DEPLOYMENTS else ''}")


ELSEWHERE = {
    "cache_mib": {"workers"},
    "num_cpus": {"num_gpus", "memory", "label_selector"},
    "max_ongoing_requests": {"max_replicas_per_node", "max_surge_percent", "ray_actor_options"},
    "min_replicas": {"upscale_delay_s", "downscale_delay_s"},
}
"""Keys that serve.yaml does not need, by one that stands beside them."""


@pytest.mark.parametrize(
    "config",
    [*CONFIGS, *sorted(KUBERAY.glob("*/serve.yaml"))],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_every_config_has_the_keys_of_the_first_one_in_the_same_order(config: Path) -> None:
    first = dict(keys(read(SERVE)))
    for path, found in keys(read(config)):
        if path not in first:  # options that serve.yaml leaves to the application
            assert path.endswith(("ray_actor_options", "label_selector")), path
            continue
        known = first[path]
        common = [key for key in found if key in known]
        assert common == [key for key in known if key in common], path
        beside = set().union(*(more for key, more in ELSEWHERE.items() if key in found))
        assert set(found) - set(known) <= beside, path


def test_the_config_of_a_cluster_is_that_of_kubernetes_with_gpus() -> None:
    """A copy, since kustomize reads no file outside of its folder."""
    assert read(CLUSTER) == read(KUBERAY / "gpu" / "serve.yaml")


@by_name
def test_every_config_of_one_machine_listens_on_loopback(config: Path) -> None:
    assert read(config)["http_options"]["host"] == ("0.0.0.0" if config == CLUSTER else "127.0.0.1")


def test_each_model_has_a_prefix_and_none_is_served_without() -> None:
    applications = read(FOLDER / "models.yaml")["applications"]
    assert len(applications) > 1
    assert [each["route_prefix"] for each in applications] == [f"/{each['name']}" for each in applications]
    models = [each["args"]["model"] for each in applications]
    assert len(set(models)) == len(models)
    assert set(models) <= set(ARCHITECTURES)


# What a typo in each section of a config is: the key as it is there, and what it becomes.
TYPOS = [
    ("proxy_location", "proxy_locaton"),
    ("http_options", "http_option"),
    ("request_timeout_s", "request_timout_s"),
    ("applications", "aplications"),
    ("route_prefix", "route_prefx"),
    ("import_path", "import_pth"),
    ("args", "arg"),
    ("image_hosts", "image_host"),
    ("cache_mib", "cache_mb"),
    ("deployments", "deployment"),
    ("max_ongoing_requests", "max_ongoing_request"),
    ("max_queued_requests", "max_queud_requests"),
    ("autoscaling_config", "autoscaling_confg"),
    ("max_replicas", "max_replica"),
    ("upscale_delay_s", "upscale_delay"),
    ("ray_actor_options", "ray_actor_option"),
    ("num_cpus", "num_cpu"),
]


@by_name
@pytest.mark.parametrize(("key", "typo"), TYPOS, ids=[typo for _, typo in TYPOS])
def test_a_typo_in_any_section_is_found_with_the_right_name(
    config: Path, key: str, typo: str, tmp_path: Path
) -> None:
    text = config.read_text()
    assert f"{key}:" in text, f"{config.name} has no {key} to misspell"
    copy = tmp_path / "configs" / config.name
    copy.parent.mkdir()
    copy.write_text(text.replace(f"{key}:", f"{typo}:", 1))
    found = [problem for problem in lint_file(copy) if problem.path.endswith(typo)]
    assert found, [str(problem) for problem in lint_file(copy)]
    assert f"did you mean {key!r}?" in found[0].sentence


@by_name
def test_a_misspelt_deployment_is_found(config: Path, tmp_path: Path) -> None:
    copy = tmp_path / "a.yaml"
    copy.write_text(config.read_text().replace("- name: Decoder", "- name: Decodr"))
    problems = lint_file(copy)
    assert len(problems) == len(read(config)["applications"])
    assert all("did you mean 'Decoder'?" in problem.sentence for problem in problems)


def test_the_default_starts_on_a_laptop() -> None:
    config = read(SERVE)
    assert cpus(config, "min_replicas") <= LAPTOP["cpus"]
    least, store = memory_mib(config, "min_replicas")
    assert least <= LAPTOP["memory_mib"]
    assert store <= OBJECT_STORE_SHARE * LAPTOP["memory_mib"]


@by_name
def test_no_config_takes_back_what_keeps_clicks(config: Path) -> None:
    """One rule for all, in the code; an encoder on a GPU alone is stopped before the next one starts."""
    for each in read(config)["applications"][0]["deployments"]:
        gpu = "num_gpus" in each.get("ray_actor_options", {})
        assert {name: each[name] for name in surviving(Settings()) if name in each} == (
            {"max_surge_percent": 0} if gpu else {}
        )


@by_machine
def test_a_config_fits_the_machine_it_names(name: str) -> None:
    config, machine = read(FOLDER / name), MACHINES[name]
    booked = deployment(config, "Encoder")["ray_actor_options"].get("num_gpus", 0)
    assert booked * replicas(config, "Encoder", "max_replicas") == machine["gpus"]
    assert cpus(config, "max_replicas") <= machine["cpus"]
    most, store = memory_mib(config, "max_replicas")
    assert most <= machine["memory_gib"] * 1024
    assert store <= OBJECT_STORE_SHARE * machine["memory_gib"] * 1024
    said = " ".join((FOLDER / name).read_text().replace("#", " ").split())
    for part in (f"{machine['cpus']} or more CPU cores", f"{machine['memory_gib']} GiB of memory"):
        assert part in said
    assert f"at their most take {ceil(most / 1024)} GiB, the {ceil(store / 1024)} of Ray's" in said


def test_what_the_default_says_of_its_memory_is_so() -> None:
    said = " ".join(SERVE.read_text().replace("#", " ").split())
    least, most = (memory_mib(read(SERVE), bound)[0] for bound in ("min_replicas", "max_replicas"))
    assert f"begins with {round(least / 1024)} GiB and grows to {round(most / 1024)}" in said


@pytest.mark.parametrize(
    ("name", "policy"), [("Decoder", "by_clicks_in_decode"), ("Fetcher", "by_images_in_decode")]
)
@by_name
def test_decoders_and_fetchers_grow_with_what_they_decode_in_every_config(
    config: Path, name: str, policy: str
) -> None:
    decoder = deployment(read(config), name)
    assert decoder["max_ongoing_requests"] == 4096, "what waits is bounded where it does"
    assert decoder["num_replicas"] == "auto", "the controller imports the policy itself otherwise"
    scaled = decoder["autoscaling_config"]
    assert scaled["policy"] == {"policy_function": f"deployments.scaling:{policy}"}
    assert "target_ongoing_requests" not in scaled, "the policy does not read it"


@pytest.mark.parametrize("config", [each for each in CONFIGS if each != SERVE], ids=lambda path: path.name)
def test_every_other_config_names_its_model(config: Path) -> None:
    for application in read(config)["applications"]:
        assert application["args"]["model"] in ARCHITECTURES
