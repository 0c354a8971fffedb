"""The schemas of cluster/schemas/, made anew: ``python -m cluster.published_schemas CRD DEFINITIONS``.

``cluster.manifests`` reads the resources of Kubernetes by them. CRD is KubeRay's ray.io_rayservices.yaml,
and DEFINITIONS are those of Kubernetes, as the package kubernetes-validate carries them: the file
_definitions.json of kubernetes-json-schema/v*-local-strict. The package itself is no requirement: it has
72 MB, for five kinds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

SCHEMAS = Path(__file__).resolve().parent / "schemas"
KUBERAY, KUBERNETES = "v1.7.0", "v1.37.0"
"""The releases that the files in ``SCHEMAS`` are made from."""

_CHANGED = "changed: unknown keys are refused, descriptions and unused definitions are left out"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

KINDS = {
    "NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
    "PersistentVolumeClaim": "io.k8s.api.core.v1.PersistentVolumeClaim",
    "PodDisruptionBudget": "io.k8s.api.policy.v1.PodDisruptionBudget",
    "Service": "io.k8s.api.core.v1.Service",
    "StatefulSet": "io.k8s.api.apps.v1.StatefulSet",
}
"""Kubernetes' own kinds that the files in cluster/kuberay have, each with its definition."""

_REQUIRED = ["apiVersion", "kind", "metadata", "spec"]

# In older drafts what is next to a "$ref" is not read.
_DRAFT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}

Schema = dict[str, Any]


def ray_service(crd: Mapping[str, Any], definitions: Mapping[str, Schema]) -> Schema:
    """The JSON schema of a RayService (ray.io/v1) that refuses unknown keys.

    ``crd`` leaves the metadata to Kubernetes, so these come from its ``definitions``.
    """
    [version] = [each for each in crd["spec"]["versions"] if each["name"] == "v1"]
    made = strict(version["schema"]["openAPIV3Schema"])
    made["properties"]["metadata"] = {"$ref": f"#/$defs/{_META}"}
    made["properties"]["kind"] = {"const": crd["spec"]["names"]["kind"]}
    made["properties"]["apiVersion"] = {"const": f"{crd['spec']['group']}/{version['name']}"}
    return {
        **_DRAFT,
        "$comment": f"KubeRay {KUBERAY}, ray.io_rayservices.yaml (Apache-2.0); {_CHANGED}",
        **made,
        "required": _REQUIRED,
        "$defs": _needed([_META], definitions),
    }


def kubernetes(definitions: Mapping[str, Schema]) -> Schema:
    """The JSON schema of a resource of one of ``KINDS`` that refuses unknown keys, and other kinds."""
    return {
        **_DRAFT,
        "$comment": f"Kubernetes {KUBERNETES}, _definitions.json (Apache-2.0); {_CHANGED}",
        "type": "object",
        "properties": {"kind": {"enum": list(KINDS)}},
        "required": _REQUIRED,
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for kind, name in KINDS.items()
        ],
        "$defs": _needed(KINDS.values(), definitions),
    }


def strict(schema: Any) -> Any:
    """An OpenAPI schema as a JSON schema whose objects have no other keys than those that it names.

    An API server refuses or drops the keys that a schema does not name; JSON Schema accepts them.
    """
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # A property may be called "description" too: that one is a schema, not a text.
    made = {
        key: strict(inner)
        for key, inner in schema.items()
        if not (key == "description" and isinstance(inner, str))
    }
    closed = schema.get("type") == "object" and "properties" in schema
    if closed and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def _needed(names: Iterable[str], definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """The definitions of these ``names`` and all that they refer to."""
    found: dict[str, Schema] = {}
    left = [*names]
    while left:
        each = left.pop()
        if each not in found:
            found[each] = _local(strict(definitions[each]))
            left += _references(found[each])
    return dict(sorted(found.items()))


def _local(schema: Any) -> Any:
    """``schema`` with references into the document that it is in."""
    if isinstance(schema, list):
        return [_local(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"#/$defs/{inner.rpartition('/')[2]}" if key == "$ref" else _local(inner)
        for key, inner in schema.items()
    }


def _references(schema: Any) -> Iterator[str]:
    for key, inner in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if key == "$ref":
            yield inner.rpartition("/")[2]
        elif isinstance(inner, dict | list):
            yield from _references(inner)


def main(crd: Path, definitions: Path) -> None:
    """Write both schemas."""
    known = json.loads(definitions.read_text(encoding="utf-8"))["$defs"]
    published = yaml.load(crd.read_text(encoding="utf-8"), yaml.CSafeLoader)
    made = {"rayservice": ray_service(published, known), "kubernetes": kubernetes(known)}
    for name, schema in made.items():
        text = json.dumps(schema, separators=(",", ":"))
        (SCHEMAS / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
