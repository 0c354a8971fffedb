"""What is wrong in our YAML files that the programs which read them would pass over.

Ray passes over a misspelt key in silence, and the option it meant stays at its default. Docker Compose and
Kubernetes refuse such a key themselves; what they cannot know is checked here as well. Where a file is
decides by which rule it is read, or else what it holds; a file that no rule knows is a problem itself, so
that none escapes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from serve_app.lint.containers import lint_compose, lint_kubernetes
from serve_app.lint.launcher import lint_launcher
from serve_app.lint.serve import lint_serve
from serve_app.lint.yaml import Advice, Finding, load

# Hidden folders that hold files of ours; all others belong to tools, .github to the linters of its own.
_OWN_HIDDEN = frozenset({".ci"})
_NOT_OURS = frozenset({"__pycache__", "node_modules", "models", "screenshots", "shared"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a YAML file.

    ``path`` is dotted (``applications[0].args.model``) and empty for the file as a whole. ``serves``: what
    the file asks for is served all the same, only not as well as it might be.
    """

    file: Path
    path: str
    sentence: str
    serves: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.path} {self.sentence}" if self.path else f"{self.file}: {self.sentence}"


class Rule(NamedTuple):
    """How a kind of file is checked; ``left_to``: the command that checks its keys, "" where we do."""

    lint: Callable[[Any], list[Finding]]
    left_to: str


_SERVE = Rule(lint_serve, "")
_COMPOSE = Rule(lint_compose, "docker compose config")
_KUBERNETES = Rule(lint_kubernetes, "kubectl apply --dry-run=server")
_LAUNCHER = Rule(lint_launcher, "")
_KUSTOMIZE = Rule(lambda _: [], "kubectl kustomize")
_SITE = Rule(lambda _: [], "make site")  # MkDocs, which is strict there, refuses a key that it does not know
# Prometheus refuses a key that it does not know, and so does promtool.
_PROMETHEUS = Rule(lambda _: [], "promtool check config")
_ALERTS = Rule(lambda _: [], "promtool check rules")
_ALERT_TESTS = Rule(lambda _: [], "promtool test rules")
_BY_PLACE = {
    "cluster/monitoring/prometheus.yml": _PROMETHEUS,
    "cluster/monitoring/alerts.yaml": _ALERTS,
    "cluster/monitoring/alerts_test.yaml": _ALERT_TESTS,
    "mkdocs.yml": _SITE,
    "configs/*.yaml": _SERVE,
    "kustomization.yaml": _KUSTOMIZE,
    "cluster/kuberay/overlays/*/serve.yaml": _SERVE,
    "cluster/kuberay/base/*.yaml": _KUBERNETES,
    "cluster/compose*.yaml": _COMPOSE,
    "cluster/launcher/*.yaml": _LAUNCHER,
}
_BY_KEY = {
    "available_node_types": _LAUNCHER,
    "apiVersion": _KUBERNETES,
    "kind": _KUBERNETES,
    "services": _COMPOSE,
    "applications": _SERVE,
}


def lint_file(path: Path) -> list[Problem]:
    """Everything that is wrong in one YAML file; never raises for what it holds."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [Problem(path, "", f"cannot be read: {error}")]
    documents, findings = load(text)
    if not documents and not findings:
        findings = [Finding("", "is empty")]
    for document in documents:
        findings += _lint_document(path, document, len(documents))
    return [Problem(path, *finding, serves=isinstance(finding, Advice)) for finding in findings]


def left_to(path: Path) -> str:
    """The command that checks the keys of a file without problems; "" where ``lint_file`` has done so."""
    documents, _ = load(path.read_text(encoding="utf-8"))
    rules = (_rule(path, document) for document in documents)
    return next((rule.left_to for rule in rules if rule), "")


def yaml_files(root: Path) -> Iterator[Path]:
    """The YAML files under ``root`` that are ours, in order."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name not in _NOT_OURS and (name[0] != "." or name in _OWN_HIDDEN)
        )
        for name in sorted(files):
            if name.endswith((".yaml", ".yml")):
                yield Path(folder) / name


def _lint_document(path: Path, document: Any, documents: int) -> list[Finding]:
    rule = _rule(path, document)
    if rule is None:
        return [
            Finding(
                "", "no rule knows this file, so nobody checks its keys; teach serve_app/lint/yaml_files.py"
            )
        ]
    if rule is not _KUBERNETES and documents > 1:
        return [Finding("", "holds several documents where one is read; remove the `---` between them")]
    return rule.lint(document)


def _rule(path: Path, document: Any) -> Rule | None:
    by_place = next((rule for place, rule in _BY_PLACE.items() if path.match(place)), None)
    keys = document if isinstance(document, dict) else {}
    return by_place or next((rule for key, rule in _BY_KEY.items() if key in keys), None)
