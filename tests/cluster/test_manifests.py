"""What is said of wrong resources, and that ours are not."""

from __future__ import annotations

import copy
import io
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.kustomize import render
from cluster.manifests import main, problems
from tests.cluster.test_kustomize import KUBERAY, incremental

Resource = dict[str, Any]


@cache
def production() -> dict[str, Resource]:
    """The resources of the overlay that has all kinds, each kind's first."""
    found: dict[str, Resource] = {}
    for each in render(KUBERAY / "overlays" / "production"):
        found.setdefault(each["kind"], each)
    return found


def said(resource: Any) -> list[str]:
    return list(problems([resource]))


@pytest.mark.slow
def test_all_overlays_are_clean(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([]) == 0
    assert main([str(incremental(tmp_path) / "overlays" / "production")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.endswith(": ok") for line in lines)


def misspelt(value: Any, key: str) -> Any:
    """``value`` with the last letter of ``key`` dropped, wherever it is."""
    if isinstance(value, dict):
        return {name[:-1] if name == key else name: misspelt(inner, key) for name, inner in value.items()}
    return [misspelt(each, key) for each in value] if isinstance(value, list) else value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (
            "RayService",
            "apiVersion name serveConfigV2 enableInTreeAutoscaling minReplicas runAsNonRoot failureThreshold "
            "gcsFaultToleranceOptions redisPassword labels tolerations topologySpreadConstraints "
            "initContainers",
        ),
        ("NetworkPolicy", "name policyTypes namespaceSelector port cidr except"),
        ("PodDisruptionBudget", "name minAvailable matchLabels"),
        ("PersistentVolumeClaim", "name accessModes"),
        ("Service", "name selector targetPort"),
        ("StatefulSet", "serviceName volumeClaimTemplates readOnlyRootFilesystem secretKeyRef"),
    ],
)
def test_a_misspelt_key_is_found(kind: str, keys: str) -> None:
    right = production()[kind]
    for key in keys.split():
        wrong = misspelt(right, key)
        assert wrong != right, key
        assert any(key[:-1] in sentence for sentence in said(wrong)), key


@pytest.mark.parametrize(
    ("kind", "place", "value", "sentence"),
    [
        ("NetworkPolicy", ("spec", "policyTypes"), "Ingress", "spec.policyTypes 'Ingress' is not of type"),
        (
            "PodDisruptionBudget",
            ("apiVersion",),
            "policy/v1beta1",
            "apiVersion 'policy/v1beta1' is not one of",
        ),
        ("Service", ("kind",), "Servce", "kind 'Servce' is not one of"),
        ("RayService", ("spec", "upgradeStrategy", "type"), 1, "spec.upgradeStrategy.type 1 is not of type"),
        (
            "RayService",
            ("spec", "serveConfigV2"),
            "aplications: []",
            "spec.serveConfigV2.aplications is not a known key; did you mean 'applications'?",
        ),
    ],
)
def test_a_wrong_value_is_found(kind: str, place: tuple[str, ...], value: Any, sentence: str) -> None:
    wrong = node = copy.deepcopy(production()[kind])
    for part in place[:-1]:
        node = node[part]
    node[place[-1]] = value
    assert any(sentence in each for each in said(wrong)), said(wrong)


@pytest.mark.parametrize("document", [None, 1, [], {}, {"kind": 1}, {"kind": "Service", "metadata": []}])
def test_no_document_raises(document: Any) -> None:
    assert said(document)


def test_what_kubectl_prints_is_read_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service, policy = production()["Service"], production()["NetworkPolicy"]
    for text, status, sentence in (
        (yaml.safe_dump_all([service, policy]), 0, "-: ok\n"),
        (yaml.safe_dump_all([service, misspelt(policy, "egress")]), 1, "('egres' was unexpected)"),
        ("a: [", 1, "while parsing"),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        assert main(["-"]) == status
        assert sentence in capsys.readouterr().out


def test_a_folder_that_cannot_be_rendered_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "cannot read" in capsys.readouterr().out
