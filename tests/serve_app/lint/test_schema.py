from __future__ import annotations

from typing import Any

from serve_app.lint.schema import lint_schema, variables, with_variables
from serve_app.lint.yaml import Finding

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["size"],
    "properties": {
        "size": {"type": "integer"},
        "kind": {"enum": ["box", "circle"]},
        "env": {"type": "object", "propertyNames": {"$ref": "#/$defs/variable"}},
        "tag": {"type": "string", "pattern": "^[0-9]", "description": "must begin with a digit"},
    },
    "$defs": {"variable": {"enum": ["HOST"]}},
}


def found(document: Any) -> list[Finding]:
    return list(lint_schema(document, SCHEMA))


def test_a_document_that_fits_has_no_findings() -> None:
    assert found({"size": 1, "kind": "box", "env": {"HOST": "a"}, "tag": "1a"}) == []


def test_each_kind_of_mistake_has_its_sentence() -> None:
    assert found({"size": 1, "knid": "box"}) == [Finding("knid", "is not a known key; did you mean 'kind'?")]
    assert found({"size": 1, "kind": "circel"}) == [
        Finding("kind", "'circel' is not known here; did you mean 'circle'?")
    ]
    assert found({"size": "1"}) == [Finding("size", "must be integer")]
    assert found({}) == [Finding("", "lacks size")]
    assert found({"size": 1, "tag": "a"}) == [Finding("tag", "must begin with a digit")]
    assert found([]) == [Finding("", "must be object")]


def test_our_settings_are_known_variables() -> None:
    assert {"MODEL", "LABEL_STUDIO_URL", "LABEL_STUDIO_HOST", "BASIC_AUTH_PASS"} <= variables()
    env = {"HOST": "", "LABEL_STUDIO_URL": ""}
    assert list(lint_schema({"size": 1, "env": env}, with_variables(SCHEMA))) == []
    [finding] = lint_schema({"size": 1, "env": {"LABEL_STUDIO_ULR": ""}}, with_variables(SCHEMA))
    assert finding.path == "env"
    assert "'LABEL_STUDIO_URL'" in finding.sentence


def test_a_schema_without_variables_stays_as_it_is() -> None:
    assert with_variables({"type": "object"}) == {"type": "object"}
