"""What is in the overlays for Kubernetes."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ray.scripts.scripts import start

from cluster.kustomize import render
from segmenters.models import PUBLISHED
from serve_app.app import surviving
from serve_app.haproxy.config import FIGURES_HOST
from serve_app.settings import Settings, variables
from tests.cluster.overlays import (
    application,
    by_overlay,
    containers,
    every_pod,
    groups,
    head,
    of_kind,
    options,
    pod,
    ray,
    serve_config,
    service,
    settings,
    workers,
)
from tests.cluster.test_kustomize import incremental

MODELS = {"cpu": "mobile_sam", "gpu": "sam2.1_hiera_large", "production": "sam2.1_hiera_large"}


@by_overlay
def test_ray_on_the_cluster_is_the_ray_of_the_image_and_asks_for_a_token(overlay: str) -> None:
    cluster = service(overlay)["rayClusterConfig"]
    assert cluster["rayVersion"] == version("ray")
    assert cluster["authOptions"] == {"mode": "token", "secretName": "segment-anything-ray"}


@by_overlay
def test_kuberay_takes_it(overlay: str, tmp_path: Path) -> None:
    """What its operator checks beyond its schema (ray-operator/controllers/ray/utils/validation.go)."""
    cluster = service(overlay)["rayClusterConfig"]
    assert cluster["enableInTreeAutoscaling"] is True
    for group in groups(overlay):
        assert "labels" not in group["rayStartParams"]
        assert not group.get("resources") or not {"num-cpus", "memory"} & set(group["rayStartParams"])
        assert pod(group).get("restartPolicy", "Never") == "Never"
        names = {each["name"] for each in ray(group)["env"]}
        assert not names & {
            "RAY_REDIS_ADDRESS",
            "REDIS_PASSWORD",
            "REDIS_USERNAME",
            "RAY_enable_autoscaler_v2",
        }
    for group in workers(overlay).values():
        assert 0 <= group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    if overlay == "production":
        resources = render(incremental(tmp_path) / "overlays" / overlay)
        [changed] = [each["spec"] for each in resources if each["kind"] == "RayService"]
        steps = changed["upgradeStrategy"]["clusterUpgradeOptions"]
        assert 0 < steps["stepSizePercent"] <= steps["maxSurgePercent"] <= 100
        assert steps["intervalSeconds"] > 0
        assert steps["gatewayClassName"]


@by_overlay
def test_ray_knows_every_parameter_of_its_start(overlay: str) -> None:
    known = {option.removeprefix("--") for parameter in start.params for option in parameter.opts}
    for group in groups(overlay):
        assert set(group["rayStartParams"]) <= known


@by_overlay
def test_every_node_has_the_same_environment_and_a_version_of_one_image(overlay: str) -> None:
    first, *others = map(ray, groups(overlay))
    assert all(each["env"] == first["env"] for each in others)
    values = {each["name"]: each.get("value") for each in first["env"]}
    assert values["RAY_SERVE_ENABLE_HA_PROXY"] == values["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
    assert {name for name in values if not name.startswith("RAY_")} <= variables() | {FIGURES_HOST}
    images = {name: ray(group)["image"] for name, group in workers(overlay).items()}
    assert images.pop("cpu") == first["image"] == "registry.example.com/sam-on-ray-serve:0.1.0"
    assert set(images.values()) <= {"registry.example.com/sam-on-ray-serve:0.1.0-cuda"}


@by_overlay
def test_no_secret_stands_in_the_files(overlay: str) -> None:
    for each in (
        each for of in every_pod(overlay) for container in containers(of) for each in container["env"]
    ):
        if any(word in each["name"] for word in ("PASS", "KEY", "TOKEN", "AUTH", "_USER")):
            assert "valueFrom" in each, each["name"]


@by_overlay
def test_no_container_runs_as_root_or_writes_its_own_files(overlay: str) -> None:
    wanted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for each in every_pod(overlay):
        assert each["securityContext"]["runAsNonRoot"] is True
        assert each["securityContext"]["runAsUser"] > 0
        assert each["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert all(container["securityContext"] == wanted for container in containers(each))
    assert service(overlay)["rayClusterConfig"]["autoscalerOptions"]["securityContext"] == wanted


@by_overlay
def test_only_the_autoscaler_has_a_token_for_kubernetes(overlay: str) -> None:
    for each in every_pod(overlay):
        assert each["automountServiceAccountToken"] is False
        mounted = {mount["name"] for container in containers(each) for mount in container["volumeMounts"]}
        tokens = {volume["name"] for volume in each.get("volumes", []) if "projected" in volume}
        assert not tokens & mounted
    mounts = service(overlay)["rayClusterConfig"]["autoscalerOptions"]["volumeMounts"]
    assert {mount["name"] for mount in mounts} <= {volume["name"] for volume in pod(head(overlay))["volumes"]}
    assert "/var/run/secrets/kubernetes.io/serviceaccount" in {mount["mountPath"] for mount in mounts}


@by_overlay
def test_what_is_mounted_is_there(overlay: str) -> None:
    for each in every_pod(overlay):
        claims = {"data"} if "redis" in each["containers"][0]["name"] else set()
        there = {volume["name"] for volume in each["volumes"]} | claims
        for container in containers(each):
            assert {mount["name"] for mount in container["volumeMounts"]} <= there
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}
    named = {
        volume["persistentVolumeClaim"]["claimName"]
        for each in every_pod(overlay)
        for volume in each["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert named == set(of_kind(overlay, "PersistentVolumeClaim"))
    assert bool(named) == (overlay == "production")


@by_overlay
def test_weights_are_there_and_checked_before_ray_starts(overlay: str) -> None:
    model = settings(overlay).model
    assert model == MODELS[overlay]
    assert model in PUBLISHED
    for group in workers(overlay).values():
        [weights] = pod(group)["initContainers"]
        assert weights["command"] == ["python", "-m", "serve_app", "models", "download", model]
        assert weights["image"] == ray(group)["image"]
        [(folder, at)] = {
            (mount["mountPath"], each["value"])
            for container in (weights, ray(group))
            for mount in container["volumeMounts"]
            for each in container["env"]
            if mount["name"] == "weights" and each["name"] == "MODEL_DIR"
        }
        assert folder == at
        assert not any(mount.get("readOnly") for mount in ray(group)["volumeMounts"]), (
            "exports are written there"
        )


@by_overlay
def test_every_node_is_asked_how_it_is(overlay: str) -> None:
    """The head by Ray's own account, a worker's readiness by the proxy that the Service leads to."""
    port = serve_config(overlay)["http_options"]["port"]
    spec = find_spec("ray.dashboard.modules.reporter.healthz_agent")
    assert spec is not None
    assert spec.origin is not None
    assert '@routes.get("/api/healthz")' in Path(spec.origin).read_text()
    for group in groups(overlay):
        probes = [ray(group)[name] for name in ("startupProbe", "livenessProbe")]
        assert all(each["httpGet"] == {"path": "/api/healthz", "port": 52365} for each in probes)
        assert {"name": "serve", "containerPort": port} in ray(group)["ports"]
        assert {"name": "metrics", "containerPort": 8080} in ray(group)["ports"]
    for group in workers(overlay).values():
        assert ray(group)["readinessProbe"]["httpGet"] == {"path": "/-/healthz", "port": port}
        assert ray(group)["readinessProbe"]["failureThreshold"] == 1


@by_overlay
def test_a_node_is_given_longer_than_its_replicas(overlay: str) -> None:
    assert not any("graceful_shutdown_timeout_s" in each for each in options(overlay).values())
    longest = surviving(Settings.model_validate(application(overlay)["args"]))["graceful_shutdown_timeout_s"]
    for group in workers(overlay).values():
        _, seconds = ray(group)["lifecycle"]["preStop"]["exec"]["command"]
        assert pod(group)["terminationGracePeriodSeconds"] > int(seconds) + longest
