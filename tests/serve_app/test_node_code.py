"""Nodes with different versions of the code are found before anything is built for them."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import RayTaskError

from serve_app import ROOT, app, node_code
from serve_app.node_code import PACKAGES, check_nodes, differing, digest
from serve_app.settings import Settings
from tests.test_floors import FLOORS
from values.cores import ONE_MACHINE
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


def name_of(node: str) -> str:
    """The name that Ray gives a node: hexadecimal digits."""
    return node.encode().hex().ljust(56, "0")


class Cluster:
    """As much of Ray as is asked: nodes by their addresses, each with what comes of asking it."""

    def __init__(self, **nodes: str | Exception | None) -> None:
        self.answers = nodes
        self.exceptions = ray.exceptions
        self.asked: list[str] = []

    def is_initialized(self) -> bool:
        return True

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: name_of("here"))

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": name_of(each), "NodeManagerAddress": f"ip-{each}", "Alive": each != "gone"}
            for each in (*self.answers, "gone")
        ]

    def remote(self, **options: Any) -> Any:
        assert options["num_cpus"] == 0, "a node without a free CPU answers, too"
        return lambda function: self

    def options(self, scheduling_strategy: Any) -> Any:
        return SimpleNamespace(remote=lambda: self._ask(scheduling_strategy.node_id))

    def _ask(self, node: str) -> str:
        [found] = [each for each in self.answers if name_of(each) == node]
        self.asked.append(found)
        return found

    def wait(self, asked: list[str], num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
        silent = [each for each in asked if self.answers[each] is None]
        return [each for each in asked if each not in silent], silent

    def get(self, node: str) -> Any:
        answer = self.answers[node]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_every_other_node_is_asked_and_those_that_differ_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    older = RayTaskError("digest", "ModuleNotFoundError", ModuleNotFoundError("serve_app.node_code"))
    cluster = Cluster(here=digest(), same=digest(), odd="another", older=older)
    monkeypatch.setattr(node_code, "ray", cluster)
    with pytest.raises(ModelError, match=r": ip-odd, ip-older not that of ip-here, where it is built"):
        check_nodes()
    assert cluster.asked == ["same", "odd", "older"]


def test_a_node_that_does_not_answer_is_no_other_version(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    died = ray.exceptions.NodeDiedError("it died")
    monkeypatch.setattr(node_code, "ray", Cluster(here=digest(), same=digest(), silent=None, died=died))
    monkeypatch.setattr(node_code.logger, "propagate", True)
    check_nodes()
    assert "which code these nodes have is not known: ip-died, ip-silent" in caplog.text


def test_one_machine_has_no_other_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_code, "ray", Cluster(here=digest(), odd="another"))
    monkeypatch.setenv(ONE_MACHINE, "1")
    check_nodes()


def test_without_a_cluster_nobody_is_asked() -> None:
    check_nodes()


def test_nothing_is_built_for_nodes_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    def differ() -> None:
        raise ModelError("The nodes have different versions")

    monkeypatch.setattr(app, "check_nodes", differ)
    with pytest.raises(ModelError, match="different versions"):
        app.build(Settings(model="classical"))
