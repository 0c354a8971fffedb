"""A Serve config against Ray's own models and our settings, since Ray passes over what it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray.serve.schema import ServeDeploySchema

from serve_app.lint.application import lint_application
from serve_app.lint.ray_models import MISSING, refused, walk
from serve_app.lint.yaml import Finding


def lint_serve(config: Any) -> list[Finding]:
    """Unknown keys and refused values of a Serve config. Top-level keys that start with ``x-`` are ours."""
    if not isinstance(config, Mapping):
        return [Finding("", "is not a mapping; a Serve config has `applications:` at its top")]
    config = {key: value for key, value in config.items() if not key.startswith("x-")}
    findings = list(walk(ServeDeploySchema, config, ""))
    # Where a key is misspelt, the right one is missing: saying it once is enough.
    misspelt = {finding.path.rpartition(".")[0] for finding in findings}
    findings += [
        finding
        for finding in refused(ServeDeploySchema, config, "")
        if finding.sentence != MISSING or finding.path.rpartition(".")[0] not in misspelt
    ]
    applications = config.get("applications")
    for index, application in enumerate(applications if isinstance(applications, list) else []):
        if isinstance(application, Mapping):
            findings += lint_application(application, f"applications[{index}]")
    return list(dict.fromkeys(findings))
