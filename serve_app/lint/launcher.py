"""Files of Ray's cluster launcher (`ray up`) against the schema that comes with Ray.

`ray up` reads it too, but only when it is about to start machines.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from serve_app.lint.yaml import Finding, join
from serve_app.settings import nearest


def lint_launcher(document: Any) -> list[Finding]:
    """Unknown keys and refused values, and worker types whose name or number cannot be right."""
    found = []
    for error in _validator().iter_errors(document):
        path = ""
        for part in error.absolute_path:
            path = join(path, part)
        unknown = _unknown(error)
        found += [Finding(join(path, key), f"is not a known key{hint}") for key, hint in unknown]
        if not unknown:
            found.append(Finding(path, error.message))
    if isinstance(document, dict) and not found:
        types = document.get("available_node_types") or {}
        head = document.get("head_node_type")
        if head not in types:
            hint = nearest(str(head), set(types))
            found.append(Finding("head_node_type", f"there is no node type {head!r}{hint}"))
    return found


@cache
def _validator() -> Any:
    from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # here: it loads slowly

    schema = json.loads((files("ray.autoscaler") / "ray-schema.json").read_text(encoding="utf-8"))
    return Draft7Validator(schema)


def _unknown(error: Any) -> list[tuple[str, str]]:
    """The keys that an object must not have, each with the known one most like it."""
    if error.validator != "additionalProperties":
        return []
    known = set(error.schema.get("properties", {}))
    return [(str(key), nearest(str(key), known)) for key in error.instance if key not in known]
