from __future__ import annotations

import re
from pathlib import Path

import pytest

from serve_app import ROOT
from serve_app.lint.yaml_files import Problem, left_to, lint_file, yaml_files

SERVE = "applications: [{name: a, import_path: serve_app.app:build}]\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_every_yaml_file_of_the_repository_is_clean() -> None:
    files = list(yaml_files(ROOT))
    assert ROOT / "configs" / "serve.yaml" in files
    assert ROOT / "cluster" / "compose.yaml" in files
    assert [str(problem) for path in files for problem in lint_file(path)] == []


def test_only_our_own_folders_are_searched(tmp_path: Path) -> None:
    for name in (".git/a.yaml", ".github/a.yaml", ".venv/a.yml", ".cache/a.yaml", "models/a.yaml", "a.json"):
        write(tmp_path / name, "")
    ours = [write(tmp_path / name, "") for name in (".pre-commit.yaml", ".ci/b.yml", "d/e/f.yaml")]
    assert set(yaml_files(tmp_path)) == set(ours)


def test_a_file_that_no_rule_knows_is_a_problem(tmp_path: Path) -> None:
    [problem] = lint_file(write(tmp_path / "a.yaml", "something: else\n"))
    assert "no rule knows this file" in problem.sentence


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.yaml", "", "is empty"),
        ("a.yaml", "a: [", "line 1: this is not YAML"),
        ("a.yaml", SERVE * 2, "applications is given twice, on lines 1 and 2; keep one"),
        ("a.yaml", f"{SERVE}---\n{SERVE}", "holds several documents where one is read"),
        (
            "configs/a.yaml",
            "aplications: []\n",
            "aplications is not a known key; did you mean 'applications'?",
        ),
        ("configs/a.yaml", "- 1\n", "is not a mapping"),
        ("cluster/kuberay/overlays/a/serve.yaml", "aplications: []\n", "aplications is not a known key"),
        ("a.yaml", "services: {}\n---\nservices: {}\n", "holds several documents where one is read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    said = [
        f"{problem.path} {problem.sentence}".strip() for problem in lint_file(write(tmp_path / name, text))
    ]
    assert any(re.match(sentence, each) for each in said), said


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [
        ("a.yaml", SERVE, ""),
        ("a.yaml", "services: {}\n", "docker compose config"),
        ("cluster/compose.yaml", "servces: {}\n", "docker compose config"),
        ("a.yaml", "kind: Secret\n---\nkind: Role\n", "kubectl apply --dry-run=server"),
        ("cluster/kuberay/base/a.yaml", "1\n", "kubectl apply --dry-run=server"),
        ("cluster/kuberay/overlays/a/kustomization.yaml", "kind: Kustomization\n", "kubectl kustomize"),
    ],
)
def test_keys_that_another_tool_refuses_are_left_to_it(
    tmp_path: Path, name: str, text: str, command: str
) -> None:
    path = write(tmp_path / name, text)
    assert lint_file(path) == []
    assert left_to(path) == command


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    [problem] = lint_file(tmp_path / "none.yaml")
    assert "cannot be read" in problem.sentence
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    [problem] = lint_file(tmp_path / "latin.yaml")
    assert "cannot be read" in problem.sentence


def test_a_problem_reads_as_one_line() -> None:
    assert str(Problem(Path("a.yaml"), "b[0].c", "is wrong")) == "a.yaml: b[0].c is wrong"
    assert str(Problem(Path("a.yaml"), "", "is empty")) == "a.yaml: is empty"
