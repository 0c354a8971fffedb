"""Refuses unknown keys anywhere in our YAML files, with the nearest known name.

Ray and many other readers of YAML pass over a misspelt key in silence, and the option it meant stays at its
default. Which rule reads a file is decided by where it lies, or by what it holds; a file that no rule knows
is a problem itself, so that none escapes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serve_app.lint.schema import lint_schema, with_variables
from serve_app.lint.serve import lint_serve
from serve_app.lint.yaml import Finding, load
from serve_app.settings import nearest

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "cluster" / "schemas"
# Kinds of Kubernetes objects that we write, with the parts of each that we use.
KINDS = {"RayService": "rayservice.json", "NetworkPolicy": "networkpolicy.json"}
# Hidden folders that hold files of ours; all others belong to tools, .github to the linters of its own.
_OWN_HIDDEN = frozenset({".ci"})
_NOT_OURS = frozenset({"__pycache__", "node_modules", "models", "screenshots", "shared"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a YAML file.

    ``path`` is dotted (``applications[0].args.model``) and empty for the file as a whole.
    """

    file: Path
    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path} {self.sentence}" if self.path else f"{self.file}: {self.sentence}"


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
    return [Problem(path, *finding) for finding in findings]


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
    rule = _rule_by_place(path) or _rule_by_content(document)
    if rule is None:
        return [
            Finding(
                "",
                "no rule knows this file, so nobody checks its keys; teach serve_app/lint/files.py",
            )
        ]
    if rule is not _lint_kubernetes and documents > 1:
        return [Finding("", "holds several documents where one is read; remove the `---` between them")]
    return rule(document)


Rule = Callable[[Any], list[Finding]]


def _rule_by_place(path: Path) -> Rule | None:
    places: dict[str, Rule] = {
        "configs/*.yaml": lint_serve,
        "cluster/kuberay/*.yaml": _lint_kubernetes,
        "cluster/compose*.yaml": _lint_compose,
    }
    return next((rule for place, rule in places.items() if path.match(place)), None)


def _rule_by_content(document: Any) -> Rule | None:
    marks: dict[str, Rule] = {
        "apiVersion": _lint_kubernetes,
        "kind": _lint_kubernetes,
        "services": _lint_compose,
        "applications": lint_serve,
    }
    return next(
        (rule for mark, rule in marks.items() if isinstance(document, dict) and mark in document), None
    )


def _lint_compose(document: Any) -> list[Finding]:
    return list(lint_schema(document, _schema("compose.json")))


def _lint_kubernetes(document: Any) -> list[Finding]:
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        hint = nearest(str(kind), set(KINDS))
        return [Finding("kind", f"{kind!r} is no kind of object that we have a schema for{hint}")]
    findings = list(lint_schema(document, _schema(KINDS[kind])))
    spec = document.get("spec")
    embedded = spec.get("serveConfigV2") if isinstance(spec, dict) else None
    if isinstance(embedded, str):
        findings += _lint_embedded(embedded, "spec.serveConfigV2")
    return findings


def _lint_embedded(text: str, path: str) -> list[Finding]:
    documents, findings = load(text)
    for document in documents:
        findings += lint_serve(document)
    return [Finding(f"{path}.{inner}" if inner else path, sentence) for inner, sentence in findings]


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    return with_variables(schema)
