"""A value of a Serve config against one of Ray's own models, at every level.

Ray reads unknown keys at most levels without a word (its schemas allow them to be forward compatible), so a
misspelt option of a deployment or of autoscaling simply does nothing. Here every level is walked with the
same models, and every value is validated by them.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ray.runtime_env.runtime_env import RuntimeEnv, RuntimeEnvConfig
from ray.serve.config import AutoscalingPolicy

from serve_app.lint.yaml import Finding, join
from serve_app.settings import nearest

MISSING = "is missing"
"""The sentence about a key that a model requires."""

# Fields that Ray's models leave as plain dicts although their keys are known.
_UNTYPED = {"autoscaling_policy": AutoscalingPolicy}


def walk(model: type[BaseModel], value: Any, path: str) -> Iterator[Finding]:
    """The keys at and below ``path`` that neither ``model`` nor the models within it know."""
    if not isinstance(value, Mapping):
        yield Finding(path, "must be a mapping of keys to values")
        return
    fields = model.model_fields
    for key, inner in value.items():
        place = join(path, key)
        if key not in fields:
            yield Finding(place, _unknown(key, set(fields)))
        elif key == "runtime_env" and inner is not None:
            yield from _runtime_env(inner, place)
        elif inner is not None:
            yield from _walk_field(fields[key].annotation, _UNTYPED.get(key), inner, place)


def _walk_field(annotation: Any, model: type[BaseModel] | None, value: Any, path: str) -> Iterator[Finding]:
    types = list(_types(annotation))
    model = model or next(
        (each for each in types if isinstance(each, type) and issubclass(each, BaseModel)), None
    )
    if model is None:
        return
    if list in types and not isinstance(value, list):
        yield Finding(path, "must be a list")
        return
    for place, item in items(value, path) if list in types else [(path, value)]:
        yield from walk(model, item, place)
        # A field that may also be a plain dict is accepted as one, whatever it holds.
        if dict in types and isinstance(item, Mapping):
            yield from refused(model, item, place)


def items(values: list[Any], path: str) -> list[tuple[str, Any]]:
    """Each of ``values`` with its path."""
    return [(join(path, index), item) for index, item in enumerate(values)]


def _types(annotation: Any) -> Iterator[Any]:
    """The plain types that an annotation is made of: list, dict and models among them."""
    yield get_origin(annotation) or annotation
    for inner in get_args(annotation):
        yield from _types(inner)


def _unknown(key: str, known: set[str]) -> str:
    return f"is not a known key{nearest(key, known)}"


def refused(model: type[BaseModel], value: Mapping[str, Any], path: str) -> Iterator[Finding]:
    """The values that ``model`` does not take, each place once."""
    sentences: dict[str, list[str]] = {}
    try:
        # Ray's validators change what they are given, and warn of what they will refuse one day.
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            model.model_validate(copy.deepcopy(dict(value)))
        sentences[path] = [str(each.message) for each in warned]
    except ValidationError as error:
        for each in error.errors():
            if each["type"] == "extra_forbidden":
                continue  # the walk has said so, with the nearest name
            missing = each["type"] == "missing"
            place = _place(each["loc"], value, path, missing)
            sentence = MISSING if missing else each["msg"].removeprefix("Value error, ")
            sentences.setdefault(place, []).append(sentence)
    except Exception as error:
        # Validators of Ray that run before the type is checked stumble over a wrong one.
        sentences[path] = [f"cannot be read by Ray: {type(error).__name__}: {error}"]
    for place, said in sentences.items():
        if said:
            yield Finding(place, "; or ".join(dict.fromkeys(said)))


def _place(loc: tuple[str | int, ...], value: Any, path: str, missing: bool) -> str:
    """The path of pydantic's ``loc`` without the names of union members that it adds at the end."""
    for index, part in enumerate(loc):
        inside = isinstance(value, Mapping) and part in value
        within = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if not (inside or within):
            return join(path, part) if missing and index == len(loc) - 1 else path
        value = value[part]
        path = join(path, part)
    return path


def _runtime_env(value: Any, path: str) -> Iterator[Finding]:
    if not isinstance(value, Mapping):
        yield Finding(path, "must be a mapping of keys to values")
        return
    known = {name for name in RuntimeEnv.known_fields if not name.startswith("_")}
    for key in value:
        if key not in known:
            yield Finding(join(path, key), _unknown(key, known))
    config, variables = value.get("config"), value.get("env_vars")
    for key in config if isinstance(config, Mapping) else ():
        if key not in RuntimeEnvConfig.known_fields:
            yield Finding(join(f"{path}.config", key), _unknown(key, set(RuntimeEnvConfig.known_fields)))
    if variables is not None and not isinstance(variables, Mapping):
        yield Finding(f"{path}.env_vars", "must be a mapping of names to strings")
    for key, text in variables.items() if isinstance(variables, Mapping) else ():
        if not isinstance(text, str):
            yield Finding(join(f"{path}.env_vars", key), "must be a string: put it in quotes")
