"""Our rendering of cluster/kuberay is that of kubectl, and refuses what it does not know."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.kustomize import KustomizeError, render

KUBERAY = Path(__file__).resolve().parents[2] / "cluster" / "kuberay"
OVERLAYS = sorted(path.name for path in (KUBERAY / "overlays").iterdir())
OPTION = "# - ../../components/incremental-upgrade"


def incremental(folder: Path) -> Path:
    """A copy of cluster/kuberay whose production overlay has the option that is a comment there."""
    copy = shutil.copytree(KUBERAY, folder / "kuberay")
    file = copy / "overlays" / "production" / "kustomization.yaml"
    assert OPTION in file.read_text()
    file.write_text(file.read_text().replace(OPTION, OPTION.removeprefix("# ")))
    return Path(copy)


def by_name(resources: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    found = {(each["kind"], each["metadata"]["name"]): each for each in resources}
    assert len(found) == len(resources)
    return found


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="compares with kubectl, which is not here")
def test_kubectl_makes_the_same_of_them(tmp_path: Path) -> None:
    tree = incremental(tmp_path)
    for folder in (*(KUBERAY / "overlays" / name for name in OVERLAYS), tree / "overlays" / "production"):
        made = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, check=True).stdout
        assert by_name(render(folder)) == by_name(list(yaml.safe_load_all(made))), folder


def write(folder: Path, **kustomization: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return folder


def resource(folder: Path, **spec: Any) -> None:
    content = {"kind": "Service", "metadata": {"name": "a"}, "spec": spec}
    (folder / "a.yaml").write_text(yaml.safe_dump(content))


def patched(folder: Path, patch: str, target: dict[str, str] | None = None) -> dict[str, Any]:
    patches = [{"target": target or {"kind": "Service"}, "patch": patch}]
    [found] = render(write(folder, resources=["a.yaml"], patches=patches))
    return dict(found["spec"])


@pytest.mark.parametrize(
    ("patch", "spec"),
    [
        ("[{op: add, path: /spec/c, value: 3}]", {"a": [1, 2], "b": {"x/y": 1}, "c": 3}),
        ("[{op: add, path: /spec/a/-, value: 3}]", {"a": [1, 2, 3], "b": {"x/y": 1}}),
        ("[{op: add, path: /spec/a/0, value: 3}]", {"a": [3, 1, 2], "b": {"x/y": 1}}),
        ("[{op: replace, path: /spec/b/x~1y, value: 2}]", {"a": [1, 2], "b": {"x/y": 2}}),
        (
            "[{op: test, path: /spec/a/0, value: 1}, {op: remove, path: /spec/a/0}]",
            {"a": [2], "b": {"x/y": 1}},
        ),
    ],
)
def test_a_json_patch_is_applied(patch: str, spec: dict[str, Any], tmp_path: Path) -> None:
    resource(tmp_path, a=[1, 2], b={"x/y": 1})
    assert patched(tmp_path, patch) == spec


@pytest.mark.parametrize(
    "patch",
    [
        "[{op: test, path: /spec/a/0, value: 2}]",
        "[{op: replace, path: /spec/c, value: 2}]",
        "[{op: remove, path: /spec/a/7}]",
        "[{op: add, path: /spec/none/c, value: 2}]",
        "[{op: move, path: /spec/a}]",
    ],
)
def test_a_patch_that_does_not_fit_is_refused(patch: str, tmp_path: Path) -> None:
    resource(tmp_path, a=[1])
    with pytest.raises(KustomizeError, match="does not fit what is there"):
        patched(tmp_path, patch)


def test_what_only_kubectl_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KustomizeError, match="has namePrefix, which only kubectl knows"):
        render(write(tmp_path, namePrefix="a"))
    with pytest.raises(KustomizeError, match=r"cannot read .*nowhere/kustomization.yaml: No such file"):
        render(tmp_path / "nowhere")
    resource(tmp_path)
    with pytest.raises(KustomizeError, match="no resource is the target"):
        patched(tmp_path, "[]", {"kind": "Service", "name": "b"})


def test_a_digest_takes_the_place_of_a_tag(tmp_path: Path) -> None:
    resource(tmp_path, containers=[{"image": "a:1"}, {"image": "b:1"}])
    images = [{"name": "a", "newName": "r.example.com/a", "digest": "sha256:1"}]
    [found] = render(write(tmp_path, resources=["a.yaml"], images=images))
    assert [each["image"] for each in found["spec"]["containers"]] == ["r.example.com/a@sha256:1", "b:1"]
