"""What is wrong in the resources of Kubernetes: ``python -m cluster.manifests [FOLDER ...]``.

Each FOLDER is one with a kustomization, by default the overlays in cluster/kuberay. ``-`` is YAML from the
standard input: ``kubectl kustomize FOLDER | python -m cluster.manifests -``. The exit status is 1 if
anything is wrong. No cluster is asked and no kubectl: the schemas in cluster/schemas are those that KubeRay
and Kubernetes publish.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from cluster.kustomize import KustomizeError, render
from serve_app.lint.containers import lint_kubernetes

SCHEMAS = Path(__file__).resolve().parent / "schemas"
OVERLAYS = Path(__file__).resolve().parent / "kuberay" / "overlays"

_LONGEST = 200  # characters of a sentence of jsonschema's, which repeats the value


def problems(resources: Iterable[Any]) -> Iterator[str]:
    """A sentence for all that Kubernetes, KubeRay or Serve would not take."""
    for resource in resources:
        named = f"{_text(resource, 'kind')} {_text(_get(resource, 'metadata'), 'name')}"
        for error in _validator(_text(resource, "kind")).iter_errors(resource):
            said = error.message if len(error.message) < _LONGEST else f"{error.message[:_LONGEST]} ..."
            yield f"{named}: {error.json_path.removeprefix('$.')} {said}"
        for path, sentence in lint_kubernetes(resource):
            yield f"{named}: {path} {sentence}"


@cache
def _validator(kind: str) -> Draft202012Validator:
    """Of the schema of ``kind``; the one of Kubernetes' own kinds says which it knows."""
    name = "rayservice" if kind == "RayService" else "kubernetes"
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: Any, key: str) -> str:
    return str(_get(value, key) or "?")


def main(folders: Sequence[str]) -> int:
    """The exit status."""
    status = 0
    for folder in folders or sorted(map(str, OVERLAYS.iterdir())):
        try:
            resources = list(yaml.safe_load_all(sys.stdin)) if folder == "-" else render(Path(folder))
            said = list(problems(resources))
        except (KustomizeError, yaml.YAMLError) as error:
            said = [str(error)]
        status = max(status, bool(said))
        sys.stdout.writelines(f"{folder}: {sentence}\n" for sentence in said or ["ok"])
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
