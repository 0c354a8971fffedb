"""A Ray Serve config against Ray's own models and our settings.

Ray reads unknown keys at most levels of such a config without a word (its schemas allow them to be forward
compatible), so a misspelt option of a deployment or of autoscaling simply does nothing. Here every level is
walked with the same models, and every value is validated by them.
"""

from __future__ import annotations

import copy
import importlib.util
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from ray.runtime_env.runtime_env import RuntimeEnv, RuntimeEnvConfig
from ray.serve import Deployment
from ray.serve.config import AutoscalingPolicy
from ray.serve.schema import ServeDeploySchema

from segmenters.model_names import CLASSICAL
from serve_app.lint.yaml import Finding, join
from serve_app.settings import SECRETS, SYNONYMS, AllOptions, Settings, nearest

GRAPH = "serve_app.app"
BUILDER, BUILT = f"{GRAPH}:build", f"{GRAPH}:app"
# Fields that Ray's models leave as plain dicts although their keys are known.
_UNTYPED = {"autoscaling_policy": AutoscalingPolicy}


class FileSettings(AllOptions):
    """The settings as a file alone gives them, whatever the environment of whoever lints it."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given."""
        return (init_settings,)


def lint_serve(config: Any) -> list[Finding]:
    """Unknown keys and refused values of a Serve config. Top-level keys that start with ``x-`` are ours."""
    if not isinstance(config, Mapping):
        return [Finding("", "is not a mapping; a Serve config has `applications:` at its top")]
    config = {key: value for key, value in config.items() if not key.startswith("x-")}
    findings = list(_walk(ServeDeploySchema, config, ""))
    # Where a key is misspelt, the right one is missing: saying it once is enough.
    misspelt = {finding.path.rpartition(".")[0] for finding in findings}
    findings += [
        finding
        for finding in _refused(ServeDeploySchema, config, "")
        if finding.sentence != _MISSING or finding.path.rpartition(".")[0] not in misspelt
    ]
    applications = config.get("applications")
    for index, application in enumerate(applications if isinstance(applications, list) else []):
        if isinstance(application, Mapping):
            findings += _route_prefix(application.get("route_prefix"), f"applications[{index}].route_prefix")
            findings += _application(application, f"applications[{index}]")
    return list(dict.fromkeys(findings))


def deployments() -> dict[str, Deployment]:
    """The deployments of our graph by name."""
    from serve_app.app import DEPLOYMENTS

    return DEPLOYMENTS


def _walk(model: type[BaseModel], value: Any, path: str) -> Iterator[Finding]:
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
    for place, item in _items(value, path) if list in types else [(path, value)]:
        yield from _walk(model, item, place)
        # A field that may also be a plain dict is accepted as one, whatever it holds.
        if dict in types and isinstance(item, Mapping):
            yield from _refused(model, item, place)


def _items(values: list[Any], path: str) -> list[tuple[str, Any]]:
    return [(join(path, index), item) for index, item in enumerate(values)]


def _types(annotation: Any) -> Iterator[Any]:
    """The plain types that an annotation is made of: list, dict and models among them."""
    yield get_origin(annotation) or annotation
    for inner in get_args(annotation):
        yield from _types(inner)


_MISSING = "is missing"


def _unknown(key: str, known: set[str]) -> str:
    return f"is not a known key{nearest(key, known)}"


def _refused(model: type[BaseModel], value: Mapping[str, Any], path: str) -> Iterator[Finding]:
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
            sentence = _MISSING if missing else each["msg"].removeprefix("Value error, ")
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


def _route_prefix(prefix: Any, path: str) -> Iterator[Finding]:
    """Ray finds this out only while it deploys."""
    if isinstance(prefix, str):
        ends = prefix.startswith("/") and (prefix == "/" or not prefix.endswith("/"))
        if not ends or "{" in prefix or "}" in prefix:
            yield Finding(path, f"{prefix!r} must start with a slash, end without one and hold no braces")


def _application(application: Mapping[str, Any], path: str) -> Iterator[Finding]:
    target = application.get("import_path")
    if not isinstance(target, str):
        return
    if target not in (BUILDER, BUILT):
        yield from _import_path(target, f"{path}.import_path")
        return
    args = application.get("args")
    if target == BUILDER and isinstance(args, Mapping):
        yield from _settings(args, f"{path}.args")
    elif target == BUILT and args:
        yield Finding(f"{path}.args", f"are not read by {BUILT}; import {BUILDER} instead")
    options = application.get("deployments")
    listed = options if isinstance(options, list) else []
    yield from _deployments(listed, f"{path}.deployments")
    if isinstance(args, Mapping):
        yield from _devices(args, listed, f"{path}.deployments")


def _import_path(target: str, path: str) -> Iterator[Finding]:
    """Other applications may be served beside ours, as long as they exist."""
    package = target.partition(":")[0].partition(".")[0]
    if package == GRAPH.partition(".")[0] or not (
        package.isidentifier() and importlib.util.find_spec(package)
    ):
        yield Finding(path, f"{target!r} is no application{nearest(target, {BUILDER, BUILT})}")


def _settings(args: Mapping[str, Any], path: str) -> Iterator[Finding]:
    known = {*Settings.model_fields, *(name for names in SYNONYMS.values() for name in names)}
    for key in args:
        if key not in known:
            yield Finding(join(path, key), f"is not a setting{nearest(key.lower(), known)}")
        elif key in SECRETS:
            yield Finding(
                join(path, key), f"is written to Ray's log from here; set {key.upper()} in the environment"
            )
    yield from _refused(FileSettings, {key: value for key, value in args.items() if key in known}, path)


def _deployments(options: list[Any], path: str) -> Iterator[Finding]:
    known = deployments()
    seen: set[str] = set()
    for place, option in _items(options, path):
        name = option.get("name") if isinstance(option, Mapping) else None
        if not isinstance(name, str):
            continue
        if name not in known:
            yield Finding(
                f"{place}.name", f"there is no deployment {name!r} in the graph{nearest(name, set(known))}"
            )
        elif option.get("user_config") is not None and not hasattr(known[name].func_or_class, "reconfigure"):
            yield Finding(f"{place}.user_config", f"is not read: {name} has no `reconfigure`; use `args`")
        if name in seen:
            yield Finding(f"{place}.name", f"{name!r} is given twice; the last one alone would count")
        seen.add(name)


def _devices(args: Mapping[str, Any], options: list[Any], path: str) -> Iterator[Finding]:
    """Settings that say where a half runs, and GPUs that its deployment books or does not."""
    device, decoder = str(args.get("device", "auto")), str(args.get("decoder_device", "cpu"))
    asked = {
        "Encoder": ("device", device),
        "Decoder": ("decoder_device", device if decoder == "auto" else decoder),
    }
    for place, option in _items(options, path):
        name = option.get("name") if isinstance(option, Mapping) else None
        if not isinstance(name, str) or name not in asked:
            continue
        setting, wanted = asked[name]
        actor = option.get("ray_actor_options")
        # What an encoder books is known by the application where the config is silent.
        if not isinstance(actor, Mapping) and name == "Encoder":
            continue
        gpus = actor.get("num_gpus") or 0 if isinstance(actor, Mapping) else 0
        at = f"{place}.ray_actor_options.num_gpus"
        if wanted.startswith("cuda") and not gpus:
            yield Finding(at, f"books no GPU for what `{setting}: {wanted}` runs on one; write num_gpus: 1")
        elif gpus and wanted == "cpu":
            yield Finding(
                at, f"books a GPU that `{setting}: cpu` leaves idle; remove it, or change the setting"
            )
        elif gpus and args.get("model") == CLASSICAL:
            yield Finding(at, f"books a GPU, which {CLASSICAL} cannot use; remove it, or name another model")
