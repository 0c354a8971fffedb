"""Compose files and Kubernetes manifests: only what their own tools would not notice.

``docker compose`` and ``kubectl`` refuse an unknown key themselves. Nobody refuses a misspelt environment
variable of a container, nor an unknown key in the Serve config that a RayService holds as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from serve_app.lint.serve import lint_serve
from serve_app.lint.yaml import Finding, join, load
from serve_app.settings import nearest, variables

IMAGE = "sam-on-ray-serve"
"""Part of the name of every image of this application: the variables of other containers are not ours."""

_ALIKE = 0.8  # a container has variables of many programs: only what is nearly one of ours was meant as such


def lint_compose(document: Any) -> list[Finding]:
    """Misspelt variables of this application's services."""
    found: list[Finding] = []
    for name, service in _items(_get(document, "services")):
        if IMAGE in str(_get(service, "image")):
            given = _get(service, "environment")
            names = given if isinstance(given, Mapping) else _list(given)
            found += _misspelt(
                (str(each).partition("=")[0] for each in names), f"services.{name}.environment"
            )
    return found


def lint_kubernetes(document: Any) -> list[Finding]:
    """What is wrong in the Serve config of a RayService, and misspelt variables of its containers."""
    if _get(document, "kind") != "RayService":
        return []
    spec = _get(document, "spec")
    embedded = _get(spec, "serveConfigV2")
    found = _embedded(embedded) if isinstance(embedded, str) else []
    cluster = _get(spec, "rayClusterConfig")
    found += _pod(_get(cluster, "headGroupSpec"), "spec.rayClusterConfig.headGroupSpec")
    for index, group in enumerate(_list(_get(cluster, "workerGroupSpecs"))):
        found += _pod(group, f"spec.rayClusterConfig.workerGroupSpecs[{index}]")
    return found


def _embedded(text: str) -> list[Finding]:
    documents, found = load(text)
    for document in documents:
        found += lint_serve(document)
    at = "spec.serveConfigV2"
    return [Finding(f"{at}.{inner}" if inner else at, sentence) for inner, sentence in found]


def _pod(group: Any, path: str) -> Iterator[Finding]:
    pod = _get(_get(group, "template"), "spec")
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(_list(_get(pod, kind))):
            if IMAGE in str(_get(container, "image")):
                names = [str(_get(each, "name")) for each in _list(_get(container, "env"))]
                yield from _misspelt(names, f"{path}.template.spec.{kind}[{index}].env")


def _misspelt(names: Iterable[str], path: str) -> Iterator[Finding]:
    known = variables()
    for name in names:
        hint = nearest(name, known, alike=_ALIKE)
        if name not in known and hint:
            yield Finding(join(path, name), f"is no variable that this application reads{hint}")


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, Mapping) else ()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
