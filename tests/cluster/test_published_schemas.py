from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from cluster.published_schemas import KINDS, KUBERAY, KUBERNETES, SCHEMAS, kubernetes, ray_service, strict

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT.parent / "shared" / "kuberay" / "ray.io_rayservices.yaml"
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
DEFINITIONS: dict[str, Any] = {
    META: {"type": "object", "properties": {"name": {"type": "string"}}},
    **{
        name: {
            "type": "object",
            "properties": {
                "apiVersion": {},
                "kind": {},
                "metadata": {"$ref": f"/api/_definitions.json#/$defs/{META}"},
                "spec": {"type": "object", "properties": {kind: {}}},
            },
        }
        for kind, name in KINDS.items()
    },
    "unused": {},
}
CRD: dict[str, Any] = {
    "spec": {
        "group": "ray.io",
        "names": {"kind": "RayService"},
        "versions": [
            {"name": "v1alpha1", "schema": {}},
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "apiVersion": {"type": "string"},
                            "kind": {"type": "string"},
                            "metadata": {"type": "object"},
                            "spec": {"type": "object", "properties": {"a": {"type": "integer"}}},
                        },
                    }
                },
            },
        ],
    }
}


def fits(schema: dict[str, Any], document: Any) -> bool:
    return bool(Draft202012Validator(schema).is_valid(document))


def test_objects_that_name_their_keys_have_no_others() -> None:
    named = {"type": "object", "description": "text", "properties": {"description": {"type": "string"}}}
    made = strict({"items": [named]})["items"][0]
    assert made == {
        "type": "object",
        "properties": {"description": {"type": "string"}},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True},
        {"properties": {"type": {}, "properties": {}}, "anyOf": []},
    ],
)
def test_other_objects_stay_as_they_are(schema: dict[str, Any]) -> None:
    assert strict(schema) == schema


def test_metadata_are_those_of_kubernetes() -> None:
    base = {"apiVersion": "ray.io/v1", "kind": "RayService", "spec": {"a": 1}}
    schema = ray_service(CRD, DEFINITIONS)
    assert fits(schema, base | {"metadata": {"name": "a"}})
    for wrong in (
        {"metadata": {"nme": "a"}},
        {},
        {"metadata": {}, "spec": {"b": 1}},
        {"metadata": {}, "kind": "a"},
    ):
        assert not fits(schema, base | wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_kubernetes_is_read_by_its_own_definition(kind: str) -> None:
    schema = kubernetes(DEFINITIONS)
    resource = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "spec": {kind: 1}}
    assert fits(schema, resource)
    other = next(each for each in KINDS if each != kind)
    for wrong in ({"metadata": {"nme": "a"}}, {"spec": {other: 1}}, {"kind": "Secret"}):
        assert not fits(schema, resource | wrong)
    del resource["metadata"]
    assert not fits(schema, resource)


def test_a_schema_brings_what_it_refers_to_and_no_more() -> None:
    assert set(kubernetes(DEFINITIONS)["$defs"]) == {META, *KINDS.values()}


def test_the_notice_names_the_releases() -> None:
    notice = (ROOT / "NOTICE").read_text()
    assert f"KubeRay {KUBERAY} " in notice
    assert f"Kubernetes {KUBERNETES} " in notice


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"needs {PUBLISHED.name} of KubeRay {KUBERAY}")
def test_the_schema_of_a_ray_service_is_the_published_one() -> None:
    definitions = json.loads((SCHEMAS / "kubernetes.json").read_text())["$defs"]
    published = yaml.load(PUBLISHED.read_text(), yaml.CSafeLoader)
    assert ray_service(published, definitions) == json.loads((SCHEMAS / "rayservice.json").read_text())
