from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.scripts.scripts import start
from ray.serve._private.application_state import override_deployment_info
from ray.serve._private.build_app import build_app
from ray.serve._private.deployment_info import DeploymentInfo
from ray.serve.schema import ServeDeploySchema

from segmenters.models import ARCHITECTURES
from serve_app import sizing
from serve_app.app import DEPLOYMENTS, build, surviving
from serve_app.lint.serve import FileSettings
from serve_app.lint.yaml_files import lint_file
from serve_app.settings import Settings, SettingsError, variables
from tests.cluster.schema_check import calls, said

KUBERAY = Path(__file__).resolve().parents[2] / "cluster" / "kuberay"
MIB = 2**20


def resource() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((KUBERAY / "rayservice.yaml").read_text())
    return content


def serve_config() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(resource()["spec"]["serveConfigV2"])
    return content


def groups() -> list[dict[str, Any]]:
    """The head group and the worker groups."""
    cluster = resource()["spec"]["rayClusterConfig"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def container(group: dict[str, Any]) -> dict[str, Any]:
    [found] = group["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rayservice.yaml", "networkpolicy.yaml"])
def test_it_is_clean(name: str) -> None:
    assert [str(problem) for problem in lint_file(KUBERAY / name)] == []
    assert said(KUBERAY / name) == ""


def test_make_check_reads_every_file() -> None:
    assert {path for path in calls() if path.parent == KUBERAY} == set(KUBERAY.iterdir())


def test_ray_on_the_cluster_is_the_ray_of_the_image() -> None:
    assert resource()["spec"]["rayClusterConfig"]["rayVersion"] == version("ray")
    assert resource()["spec"]["rayClusterConfig"]["authOptions"] == {"mode": "token"}


def test_every_node_has_the_same_image_and_the_same_environment() -> None:
    first, *others = [container(group) for group in groups()]
    for each in others:
        assert (each["image"], each["env"]) == (first["image"], first["env"])
    values = {each["name"]: each.get("value") for each in first["env"]}
    assert values["RAY_SERVE_ENABLE_HA_PROXY"] == values["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"


def test_every_variable_is_known_to_who_reads_it() -> None:
    names = {each["name"] for each in container(groups()[0])["env"]}
    assert {name for name in names if not name.startswith("RAY_")} <= variables()


def test_ray_knows_every_parameter_of_its_start() -> None:
    known = {option.removeprefix("--") for parameter in start.params for option in parameter.opts}
    for group in groups():
        assert set(group["rayStartParams"]) <= known


def test_no_container_runs_as_root_or_writes_its_own_files() -> None:
    for group in groups():
        pod = group["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container(group)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_every_image_has_a_version() -> None:
    for group in groups():
        assert container(group)["image"].rpartition(":")[2][0].isdecimal()


def test_every_container_is_probed() -> None:
    for group in groups():
        assert {"livenessProbe", "readinessProbe", "resources"} <= set(container(group))


def test_no_secret_stands_in_the_file() -> None:
    for each in container(groups()[0])["env"]:
        if any(word in each["name"] for word in ("PASS", "KEY", "TOKEN", "_USER")):
            assert "valueFrom" in each, each["name"]


def test_every_replica_books_the_memory_that_it_takes() -> None:
    [application] = serve_config()["applications"]
    settings = FileSettings(**application["args"])
    for options in application["deployments"]:
        needed = sizing.replica_mib(options["name"], settings, gpu=sizing.books_gpu(options))
        assert options["ray_actor_options"]["memory"] >= needed * MIB, options["name"]


def test_what_a_node_gives_away_and_keeps_fits_its_memory() -> None:
    [application] = serve_config()["applications"]
    on_their_way = sizing.store_mib(application, FileSettings(**application["args"]), "max_replicas")
    for group in groups()[1:]:
        given = group["rayStartParams"]
        memory = container(group)["resources"]["requests"]["memory"]
        assert memory.endswith("Gi")
        booked, store = int(given["memory"]), int(given["object-store-memory"])
        assert booked + store + sizing.NODE * MIB <= int(memory[:-2]) * 1024 * MIB
        assert on_their_way * MIB <= store


def test_no_replica_is_placed_on_the_head() -> None:
    [head, *_] = groups()
    assert (head["rayStartParams"]["num-cpus"], head["rayStartParams"]["memory"]) == ("0", "0")
    for options in serve_config()["applications"][0]["deployments"]:
        assert options["ray_actor_options"]["memory"] > 0


def test_one_node_carries_the_least_of_everything() -> None:
    [application] = serve_config()["applications"]
    counts = sizing.replicas(application, FileSettings(**application["args"]), "min_replicas")
    booked = {each["name"]: each["ray_actor_options"] for each in application["deployments"]}
    [_, cpu, _] = groups()
    for resource, has in (("memory", int(cpu["rayStartParams"]["memory"])), ("num_cpus", 2)):
        assert sum(count * booked[name][resource] for name, count in counts.items()) <= has


def test_the_model_is_named_and_decoders_grow_as_elsewhere() -> None:
    [application] = serve_config()["applications"]
    assert application["args"]["model"] in ARCHITECTURES
    elsewhere = yaml.safe_load((KUBERAY.parents[1] / "configs" / "serve.yaml").read_text())
    rules = [
        next(each for each in config["applications"][0]["deployments"] if each["name"] == "Decoder")
        for config in (serve_config(), elsewhere)
    ]
    assert rules[0]["num_replicas"] == rules[1]["num_replicas"] == "auto"
    assert rules[0]["autoscaling_config"]["policy"] == rules[1]["autoscaling_config"]["policy"]


def test_the_services_port_is_the_ports_of_the_pods_and_of_the_policy() -> None:
    port = serve_config()["http_options"]["port"]
    for group in groups():
        assert {"name": "serve", "containerPort": port} in container(group)["ports"]
    for group in groups()[1:]:
        assert f"http://127.0.0.1:{port}/-/healthz" in container(group)["readinessProbe"]["exec"]["command"]
    policy = yaml.safe_load((KUBERAY / "networkpolicy.yaml").read_text())["spec"]
    assert all({"protocol": "TCP", "port": port} in rule["ports"] for rule in policy["ingress"][1:])


def test_the_policy_is_about_the_pods_of_the_service() -> None:
    policy = yaml.safe_load((KUBERAY / "networkpolicy.yaml").read_text())["spec"]
    for group in groups():
        assert group["template"]["metadata"]["labels"] == policy["podSelector"]["matchLabels"]


def test_a_node_is_given_longer_than_its_replicas() -> None:
    [application] = serve_config()["applications"]
    assert not any("graceful_shutdown_timeout_s" in each for each in application["deployments"])
    longest = surviving(Settings.model_validate(application["args"]))["graceful_shutdown_timeout_s"]
    for group in groups()[1:]:
        assert group["template"]["spec"]["terminationGracePeriodSeconds"] > longest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        (
            "rayservice.yaml",
            [
                "apiVersion",
                "name",
                "serveConfigV2",
                "enableInTreeAutoscaling",
                "minReplicas",
                "runAsNonRoot",
                "failureThreshold",
            ],
        ),
        ("networkpolicy.yaml", ["name", "policyTypes", "namespaceSelector", "port"]),
    ],
)
def test_misspelt_keys_are_found(name: str, keys: list[str], tmp_path: Path) -> None:
    """In one call, because the schema takes a second to read."""
    text = (KUBERAY / name).read_text()
    copies = {key: tmp_path / f"{key}.yaml" for key in keys}
    for key, copy in copies.items():
        assert f"{key}:" in text
        copy.write_text(text.replace(f"{key}:", f"{key[:-1]}:", 1))
    lines = said(KUBERAY / name, *copies.values()).splitlines()
    for key, copy in copies.items():
        assert any(str(copy) in line and f"{key[:-1]!r} was unexpected" in line for line in lines), key


@pytest.mark.parametrize(
    ("right", "wrong", "meant"),
    [
        ("name: LABEL_STUDIO_URL", "name: LABEL_STUDIO_ULR", "LABEL_STUDIO_URL"),
        ("max_replicas_per_node:", "max_replica_per_node:", "max_replicas_per_node"),
        ("cache_mib:", "cache_mb:", "cache_mib"),
    ],
)
def test_what_kubernetes_cannot_know_is_found_too(right: str, wrong: str, meant: str, tmp_path: Path) -> None:
    text = (KUBERAY / "rayservice.yaml").read_text()
    assert right in text
    copy = tmp_path / "rayservice.yaml"
    copy.write_text(text.replace(right, wrong, 1))
    problems = lint_file(copy)
    assert problems
    assert all(f"did you mean {meant!r}?" in problem.sentence for problem in problems)


def deployed(config: dict[str, Any]) -> dict[str, DeploymentInfo]:
    """Every deployment as Serve's controller makes it of our application and of the config."""
    [application] = ServeDeploySchema.model_validate(config).applications
    made = build(Settings.model_validate(application.args))
    built = build_app(made, name=application.name, make_deployment_handle=lambda *_: None)
    infos = {
        each.name: DeploymentInfo(each._deployment_config, each._replica_config, 0, "")
        for each in built.deployments
    }
    found: dict[str, DeploymentInfo] = override_deployment_info(infos, application)
    return found


def test_serve_takes_the_config() -> None:
    found = deployed(serve_config())
    [application] = serve_config()["applications"]
    assert set(found) == {each["name"] for each in application["deployments"]} == set(DEPLOYMENTS)
    for options in application["deployments"]:
        info = found[options["name"]]
        assert info.deployment_config.max_ongoing_requests == options.get("max_ongoing_requests", 5)
        assert info.replica_config.resource_dict["memory"] == options["ray_actor_options"]["memory"]
    assert found["Ingress"].deployment_config.num_replicas == application["args"]["workers"]
    decoder = found["Decoder"]
    assert decoder.replica_config.max_replicas_per_node == 4
    assert decoder.deployment_config.autoscaling_config.min_replicas == 2
    policy = decoder.deployment_config.autoscaling_config.policy
    assert policy.get_policy() is not None


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("name: Decoder", "name: Decodr"),
        ("scaling:by_clicks_in_decode", "scaling:by_click_in_decode"),
        ("max_replicas_per_node: 4", "max_replicas_per_node: 0"),
        ("max_ongoing_requests: 16", "max_ongoing_requests: 0"),
        ("workers: 2", "wrkers: 2"),
    ],
)
def test_what_serve_would_not_take_is_found(right: str, wrong: str) -> None:
    text = resource()["spec"]["serveConfigV2"]
    assert right in text
    with pytest.raises((ValueError, AttributeError, SettingsError)):
        deployed(yaml.safe_load(text.replace(right, wrong)))
