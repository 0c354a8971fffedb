"""A document against a JSON schema of ours, with sentences for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]

from serve_app.lint.yaml import Finding, join
from serve_app.settings import SYNONYMS, Settings, nearest


def lint_schema(document: Any, schema: dict[str, Any]) -> Iterator[Finding]:
    """What in ``document`` the schema does not know or does not allow."""
    for error in Draft202012Validator(schema).iter_errors(document):
        path = ""
        for part in error.absolute_path:
            path = join(path, part)
        yield from _sentences(error, path)


def with_variables(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with our settings' variables among the environment variables it knows (`$defs.variable`)."""
    own = schema.get("$defs", {}).get("variable")
    if own is None:
        return schema
    names = sorted({*own["enum"], *variables()})
    return {**schema, "$defs": {**schema["$defs"], "variable": {**own, "enum": names}}}


def variables() -> set[str]:
    """Every environment variable that sets one of our settings."""
    synonyms = (name for names in SYNONYMS.values() for name in names)
    return {name.upper() for name in (*Settings.model_fields, *synonyms)}


def unknown(key: str, known: set[str]) -> str:
    """The sentence for a key that nobody reads."""
    return f"is not a known key{nearest(key, known)}"


def _sentences(error: ValidationError, path: str) -> Iterator[Finding]:
    if error.validator == "additionalProperties":
        known = set(error.schema.get("properties", {}))
        for key in error.instance:
            if key not in known and not key.startswith("x-"):
                yield Finding(join(path, key), unknown(key, known))
    elif error.validator == "enum" and isinstance(error.instance, str):
        known = {str(value) for value in error.validator_value}
        yield Finding(path, f"{error.instance!r} is not known here{nearest(error.instance, known)}")
    elif error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        yield Finding(path, f"lacks {', '.join(missing)}")
    elif error.validator == "type":
        wanted = error.validator_value
        yield Finding(path, f"must be {wanted if isinstance(wanted, str) else ' or '.join(wanted)}")
    elif error.validator == "pattern":
        yield Finding(path, error.schema.get("description", error.message))
    else:
        yield Finding(path, error.message)
