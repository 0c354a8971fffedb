"""A Serve config against Ray's own models and our settings, since Ray passes over what it does not know."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from ray.serve import Deployment
from ray.serve.schema import ServeDeploySchema

from segmenters.models import MODELS
from serve_app.lint.ray_models import MISSING, items, refused, walk
from serve_app.lint.yaml import Advice, Finding, join
from serve_app.settings import SECRETS, SYNONYMS, AllOptions, Settings, nearest

GRAPH = "serve_app.app"
BUILDER, BUILT = f"{GRAPH}:build", f"{GRAPH}:app"


class FileSettings(AllOptions):
    """The settings as a file alone gives them, whatever the environment in which it is linted."""

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


def deployments() -> dict[str, Deployment]:
    """The deployments that our graph may have, by name."""
    from serve_app.app import DEPLOYMENTS, OPTIONAL

    return DEPLOYMENTS | OPTIONAL


def lint_application(application: Mapping[str, Any], path: str) -> Iterator[Finding]:
    """What is wrong in one entry of ``applications:`` that Ray finds late or never."""
    yield from _route_prefix(application.get("route_prefix"), f"{path}.route_prefix")
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
        yield from _absent(args, listed, f"{path}.deployments")


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
            yield Advice(
                join(path, key), f"is written to Ray's log from here; set {key.upper()} in the environment"
            )
    yield from refused(FileSettings, {key: value for key, value in args.items() if key in known}, path)


def _deployments(options: list[Any], path: str) -> Iterator[Finding]:
    known = deployments()
    seen: set[str] = set()
    for place, option in items(options, path):
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


def _absent(args: Mapping[str, Any], options: list[Any], path: str) -> Iterator[Finding]:
    """Ray refuses options of a deployment that is not in the graph."""
    if str(args.get("finder", "none")).lower() != "none":
        return
    for place, option in items(options, path):
        if isinstance(option, Mapping) and option.get("name") == "Finder":
            yield Advice(
                f"{place}.name",
                "is there only where a detector is named; set `finder`, or remove it here",
            )


def _devices(args: Mapping[str, Any], options: list[Any], path: str) -> Iterator[Finding]:
    """Settings that say where a half runs, and GPUs that its deployment books or does not."""
    device, decoder = str(args.get("device", "auto")), str(args.get("decoder_device", "cpu"))
    asked = {
        "Encoder": ("device", device),
        "Decoder": ("decoder_device", device if decoder == "auto" else decoder),
    }
    model = MODELS.get(str(args.get("model")))
    for place, option in items(options, path):
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
            yield Advice(
                at, f"books a GPU that `{setting}: cpu` leaves idle; remove it, or change the setting"
            )
        elif gpus and model is not None and not model.gpu:
            yield Advice(at, f"books a GPU, which {model.name} cannot use; remove it, or name another model")


def _route_prefix(prefix: Any, path: str) -> Iterator[Finding]:
    """Ray finds this out only while it deploys."""
    if isinstance(prefix, str):
        ends = prefix.startswith("/") and (prefix == "/" or not prefix.endswith("/"))
        if not ends or "{" in prefix or "}" in prefix:
            yield Finding(path, f"{prefix!r} must start with a slash, end without one and hold no braces")


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
