"""Pydantic's errors about settings, as sentences for an operator."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
}
# For each of pydantic's errors about limits: the limit's key, the words before it, and what the value is.
_LIMITS = {
    "greater_than_equal": ("ge", "at least", "less"),
    "greater_than": ("gt", "more than", "no more"),
    "less_than_equal": ("le", "at most", "more"),
    "less_than": ("lt", "less than", "no less"),
}
_KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
    type(None): "nothing",
}


def sentences(
    error: ValidationError, fields: Mapping[str, FieldInfo], synonyms: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """One for each setting that is refused: its name, what is wrong with it, the remedy; never the value.

    ``fields`` are the settings by name, ``synonyms`` the other names under which they may be given.
    """
    said = []
    for each in error.errors(include_url=False):
        wrong = _wrong(each)
        name = str(each["loc"][0]) if each["loc"] else ""
        if name not in fields:
            said.append(f"{wrong[0].upper()}{wrong[1:]}.")
            continue
        variables = [other.upper() for other in (name, *synonyms.get(name, ()))]
        variable = next((other for other in variables if other in os.environ), None)
        place = "in the environment" if variable else f"as {name} under args:"
        remedy = f"Correct it {place}, or leave it out{_default(fields[name])}."
        said.append(f"{variable or variables[0]}: {wrong}. {remedy}")
    return list(dict.fromkeys(said))


def _wrong(each: Any) -> str:
    kind, context = str(each["type"]), each.get("ctx") or {}
    if kind in _LIMITS:
        key, before, is_what = _LIMITS[kind]
        return f"must be {before} {context[key]:g}, and is {is_what}"
    given = _KINDS.get(type(each["input"]), "something else")
    if kind == "literal_error":
        return f"must be {context['expected']}, and is {'another word' if given == 'text' else given}"
    wanted = _WANTED.get(kind.partition("_")[0])
    if wanted and kind.endswith(("_type", "_parsing", "_from_float", "_parsing_size")):
        return f"must be {wanted}, and is {'a fraction' if kind == 'int_from_float' else given}"
    return str(each["msg"]).removeprefix("Value error, ").rstrip(".")


def _default(field: FieldInfo) -> str:
    if field.default is None or isinstance(field.default, SecretStr) or field.default == ():
        return ""
    default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
    return f" for {default}"
