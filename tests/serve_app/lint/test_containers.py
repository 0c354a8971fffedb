from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from serve_app.lint.containers import lint_compose, lint_kubernetes
from serve_app.lint.yaml import Finding

CLUSTER = Path(__file__).resolve().parents[3] / "cluster"
OURS = "registry.example.com/sam-on-ray-serve:1"


def misspelt(path: str, meant: str) -> Finding:
    return Finding(path, f"is no variable that this application reads; did you mean {meant!r}?")


@pytest.mark.parametrize(
    "environment", [{"LABEL_STUDIO_ULR": "", "MODEL": "auto"}, ["LABEL_STUDIO_ULR=", "MODEL=auto", "HOST"]]
)
def test_a_misspelt_variable_of_a_service_of_ours_is_found(environment: Any) -> None:
    services = {"backend": {"image": OURS, "environment": environment}}
    assert lint_compose({"services": services}) == [
        misspelt("services.backend.environment.LABEL_STUDIO_ULR", "LABEL_STUDIO_URL")
    ]


def test_variables_of_other_programs_are_not_ours_to_judge() -> None:
    environment = dict.fromkeys(("HTTPS_PROXY", "RAY_AUTH_MODE", "AWS_REGION", "NVIDIA_VISIBLE_DEVICES"), "")
    other = {"image": "heartexlabs/label-studio:1", "environment": {"LABEL_STUDIO_ULR": ""}}
    services = {"backend": {"image": OURS, "environment": environment}, "label-studio": other}
    assert lint_compose({"services": services}) == []


def test_a_misspelt_variable_of_a_ray_node_is_found() -> None:
    text = (CLUSTER / "kuberay" / "base" / "rayservice.yaml").read_text()
    cluster = "spec.rayClusterConfig"
    init = [f"workerGroupSpecs[{group}].template.spec.initContainers[0]" for group in (0, 1)]
    ray = [
        f"{group}.template.spec.containers[0]"
        for group in ("headGroupSpec", "workerGroupSpecs[0]", "workerGroupSpecs[1]")
    ]
    found = lint_kubernetes(yaml.safe_load(text.replace("name: MODEL_DIR", "name: MODEL_DIRR")))
    assert sorted(found) == sorted(
        misspelt(f"{cluster}.{each}.env.MODEL_DIRR", "MODEL_DIR") for each in (*init, *ray)
    )


def test_the_config_within_a_ray_service_is_read_too() -> None:
    text = (CLUSTER / "kuberay" / "overlays" / "cpu" / "serve.yaml").read_text()

    def service(right: str, wrong: str) -> dict[str, Any]:
        assert right in text
        return {"kind": "RayService", "spec": {"serveConfigV2": text.replace(right, wrong)}}

    [finding] = lint_kubernetes(service("max_queued_requests:", "max_queued_request:"))
    assert finding.path == "spec.serveConfigV2.applications[0].deployments[3].max_queued_request"
    [finding] = lint_kubernetes(service("route_prefix: /", "route_prefix: ["))
    assert finding.path == "spec.serveConfigV2"
    assert "not YAML" in finding.sentence


KEYS = ["services", "environment", "image", "kind", "spec", "rayClusterConfig", "headGroupSpec", "env"]
PLAIN = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
)


@given(PLAIN)
def test_no_document_raises(document: Any) -> None:
    lint_compose(document)
    lint_compose({"services": {"a": {"image": OURS, "environment": document}}})
    lint_kubernetes({"kind": "RayService", "spec": document})
