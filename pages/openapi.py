"""The HTTP interface in OpenAPI 3.1, made of the routes that there are (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pages.operations import OPERATIONS, Operation
from pages.schemas import SCHEMAS, Schema, ref
from values.errors import error_classes
from values.version import VERSION

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_DESCRIPTION = (
    "Label Studio's ML-backend protocol, and what this backend has besides. A slash at the end of a route "
    "changes nothing. Where BASIC_AUTH_USER and BASIC_AUTH_PASS are set every route asks for HTTP basic auth."
)


def document(routes: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The description of the ``routes``, each a path and a method.

    Raises KeyError for a route that nobody has described.
    """
    paths: dict[str, dict[str, Any]] = {}
    for path, method in routes:
        name = _PARAMETER.sub(r"{\1}", path)
        paths.setdefault(name, {})[method.lower()] = _operation(name, OPERATIONS[method, name])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Segment Anything for Label Studio, on Ray Serve",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
        "security": [{}, {"basic": []}],
    }


def _operation(path: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"summary": operation.summary}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in operation.query.items()
    ]
    if parameters:
        described["parameters"] = parameters
    if operation.takes is not None:
        body = {"schema": operation.takes, "example": operation.example}
        described["requestBody"] = {"required": True, "content": {"application/json": body}}
    given = {str(status): _answer(schema, operation) for status, schema in operation.gives.items()}
    refused = {str(status): _refusal(status) for status in (401, *operation.refuses)}
    described["responses"] = {**given, **dict(sorted(refused.items())), "default": _refusal(500)}
    return described


def _answer(schema: Schema | None, operation: Operation) -> dict[str, Any]:
    content = {operation.media_type: {}} if schema is None else {"application/json": {"schema": schema}}
    return {"description": "What was asked for.", "content": content}


def _refusal(status: int) -> dict[str, Any]:
    """A refusal, with the codes that it may have."""
    codes = sorted({error.code for error in error_classes() if error.status == status})
    described = ", ".join(f"`{code}`" for code in codes) or "Refused."
    return {"description": described, "content": {"application/json": {"schema": ref("Error")}}}
