"""Imports point down only: which folder may import which, read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FLOORS = (
    {"values"},
    {"concurrency"},
    {"net"},
    {"label_studio", "stores", "protocol", "segmenters"},
    {"embeddings", "exports", "finders", "imaging", "pages"},
    {"deployments"},
    {"serve_app"},
    {"cluster"},
    {"testing", "website"},
    {"benchmarks", "tests"},
)
"""From the ground up. Folders of one floor do not know each other."""

RAY = {"deployments", "serve_app", "testing", "benchmarks", "tests"}
"""Who may know Ray."""

_OF_BENCHMARKS = "tests.benchmarks."  # the tests of what it is named after


@cache
def _modules() -> dict[str, frozenset[str]]:
    """The modules of this repository, each with what it imports; of ours by full names."""
    folders = set.union(*FLOORS)
    paths = {_name(path): path for folder in folders for path in (ROOT / folder).rglob("*.py")}
    return {name: frozenset(_imported(path, paths)) for name, path in paths.items()}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, ours: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path} imports relatively"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from whole & set(ours) or {node.module}


def _folder(module: str) -> str:
    return module.partition(".")[0]


def test_every_folder_has_a_floor() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found <= set.union(*FLOORS), "say in FLOORS where it belongs"


@pytest.mark.slow
@pytest.mark.parametrize("folder", sorted(set.union(*FLOORS)))
def test_imports_point_down(folder: str) -> None:
    [height] = [height for height, floor in enumerate(FLOORS) if folder in floor]
    below = {folder}.union(*FLOORS[:height])
    known = set.union(*FLOORS)
    wrong = [
        f"{module} imports {imported}"
        for module, imports in _modules().items()
        if _folder(module) == folder and not module.startswith(_OF_BENCHMARKS)
        for imported in imports
        if _folder(imported) in known - below
    ]
    assert not wrong


@pytest.mark.slow
def test_only_deployments_and_the_application_know_ray() -> None:
    wrong = [
        module
        for module, imports in _modules().items()
        if _folder(module) not in RAY and any(_folder(each) == "ray" for each in imports)
    ]
    assert not wrong


def test_there_are_no_circles() -> None:
    modules = _modules()
    try:
        TopologicalSorter({name: imports & set(modules) for name, imports in modules.items()}).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))
