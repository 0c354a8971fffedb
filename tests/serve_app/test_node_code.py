"""Nodes with different versions of the code are found before anything is built for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serve_app import ROOT, app, node_code
from serve_app.node_code import PACKAGES, check_nodes, differing, digest
from serve_app.settings import Settings
from tests.test_floors import FLOORS
from values.errors import ModelError


def copied(folder: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_everything_that_replicas_import_counts() -> None:
    others = {"cluster", "testing", "website", "benchmarks", "tests"}
    assert set(PACKAGES) == set.union(*FLOORS) - others


def test_the_same_files_elsewhere_are_the_same_code(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    assert digest(copy) == digest()
    (copy / "values" / "notes.txt").write_text("no code")
    assert digest(copy) == digest()


def test_one_changed_line_or_one_file_more_is_other_code(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    (copy / "deployments" / "more.py").write_text("")
    more = digest(copy)
    (copy / "deployments" / "more.py").unlink()
    with (copy / "deployments" / "decoder.py").open("a") as changed:
        changed.write("# another line\n")
    assert len({digest(), more, digest(copy)}) == 3


def test_the_sentence_names_the_nodes_the_key_and_the_remedy() -> None:
    assert differing("10.0.0.1", "a", {"10.0.0.2": "a"}) == ""
    assert differing("10.0.0.1", "a", {}) == ""
    said = differing("10.0.0.1", "a", {"10.0.0.3": "b", "10.0.0.2": "a", "10.0.0.4": node_code.OTHER})
    assert "10.0.0.3, 10.0.0.4 not that of 10.0.0.1" in said
    assert "10.0.0.2" not in said
    assert "PYTHONPATH" in said
    assert "deploy again" in said


def test_without_a_cluster_nobody_is_asked() -> None:
    check_nodes()


def test_nothing_is_built_for_nodes_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    def differ() -> None:
        raise ModelError("The nodes have different versions")

    monkeypatch.setattr(app, "check_nodes", differ)
    with pytest.raises(ModelError, match="different versions"):
        app.build(Settings(model="classical"))
