"""What `kubectl kustomize` makes of the folders in cluster/kuberay, for those who have no kubectl.

It knows the part of kustomize that these folders use and refuses the rest; a test compares the two. Resources
are plain JSON-like values, in no particular order.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]

_FILE = "kustomization.yaml"
_KEYS = frozenset(
    {
        "apiVersion",
        "kind",
        "resources",
        "components",
        "configMapGenerator",
        "replacements",
        "images",
        "patches",
    }
)
_LOCAL = "config.kubernetes.io/local-config"
_DELETE = "$patch: delete"


class KustomizeError(Exception):
    """A kustomization that cannot be rendered here; the text is a sentence for whoever wrote it."""


def render(folder: Path) -> list[Resource]:
    """The resources of the kustomization in ``folder``. Raises KustomizeError."""
    annotations = ((each["metadata"].get("annotations") or {}, each) for each in _applied(folder, []))
    return [each for noted, each in annotations if noted.get(_LOCAL) != "true"]


def _applied(folder: Path, inherited: list[Resource]) -> list[Resource]:
    """The resources of ``folder``, after those of the kustomization whose component it is."""
    kustomization = _kustomization(folder)
    found = [*inherited]
    for name in kustomization.get("resources", []):
        path = folder / name
        found += _applied(path, []) if path.is_dir() else _documents(path)
    for name in kustomization.get("components", []):
        found = _applied(folder / name, found)
    found += [_config_map(folder, each) for each in kustomization.get("configMapGenerator", [])]
    for patch in kustomization.get("patches", []):
        found = _patched(found, patch, folder)
    for image in kustomization.get("images", []):
        for container in (each for resource in found for each in _containers(resource)):
            _rename(container, image)
    for replacement in kustomization.get("replacements", []):
        _replace(found, replacement)
    return found


def _kustomization(folder: Path) -> Resource:
    try:
        [read] = _documents(folder / _FILE)
    except OSError as error:
        raise KustomizeError(f"cannot read {folder / _FILE}: {error.strerror}") from None
    unknown = sorted(set(read) - _KEYS)
    if unknown:
        raise KustomizeError(
            f"{folder / _FILE} has {', '.join(unknown)}, which only kubectl knows; give what "
            f"`kubectl kustomize {folder}` prints"
        )
    return read


def _documents(path: Path) -> list[Resource]:
    """As many copies as there are anchors: a patch changes the one place that it names."""
    return [copy.deepcopy(_unshared(each)) for each in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def _unshared(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unshared(inner) for key, inner in value.items()}
    return [_unshared(inner) for inner in value] if isinstance(value, list) else value


def _config_map(folder: Path, generator: Resource) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": generator["name"], "annotations": generator["options"]["annotations"]},
        "data": {name: (folder / name).read_text(encoding="utf-8") for name in generator["files"]},
    }


def _patched(resources: list[Resource], patch: Resource, folder: Path) -> list[Resource]:
    chosen = [each for each in resources if _is(each, patch["target"])]
    if not chosen:
        raise KustomizeError(f"no resource is the target {patch['target']} of a patch in {folder / _FILE}")
    if patch["patch"].startswith(_DELETE):
        return [each for each in resources if each not in chosen]
    for each in chosen:
        for operation in _unshared(yaml.safe_load(patch["patch"])):
            try:
                _operate(each, **operation)
            except (LookupError, TypeError, ValueError):
                raise KustomizeError(
                    f"{operation['op']} {operation['path']} in {folder / _FILE} does not fit what is there"
                ) from None
    return resources


def _is(resource: Resource, target: Resource) -> bool:
    name = resource["metadata"]["name"]
    return bool(resource["kind"] == target["kind"] and name == target.get("name", name))


def _operate(root: Any, op: str, path: str, value: Any = None) -> None:
    """One operation of a JSON Patch (RFC 6902): test, add, replace or remove."""
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])
    node = root
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node[part]
    key: Any = int(last) if isinstance(node, list) and last != "-" else last
    if op == "add" and isinstance(node, list):
        node.insert(len(node) if key == "-" else key, value)
    elif op == "add":
        node[key] = value
    elif op == "test" and node[key] == value:
        return
    elif op == "replace" and node[key] is not None:
        node[key] = value
    elif op == "remove":
        del node[key]
    else:
        raise ValueError(op)


def _containers(value: Any) -> Iterator[Resource]:
    """Every container in a resource of whatever kind."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if key in ("containers", "initContainers"):
            yield from inner
        elif isinstance(inner, dict | list):
            yield from _containers(inner)


def _rename(container: Resource, image: Resource) -> None:
    if container["image"].partition(":")[0] == image["name"]:
        version = f"@{image['digest']}" if "digest" in image else f":{image['newTag']}"
        container["image"] = f"{image.get('newName', image['name'])}{version}"


def _replace(resources: list[Resource], replacement: Resource) -> None:
    """A whole value of one resource, whose place is ``data.[key]``, in places of others."""
    source = replacement["source"]
    [origin] = [each for each in resources if _is(each, source)]
    value = origin["data"][source["fieldPath"].removeprefix("data.[").removesuffix("]")]
    for target in replacement["targets"]:
        for each in (each for each in resources if _is(each, target["select"])):
            for path in target["fieldPaths"]:
                _operate(each, "add", "/" + path.replace(".", "/"), value)
