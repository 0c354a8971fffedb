"""What cannot be served with, found before Ray starts: a sentence each, for `serve` and `doctor` alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from finders import detector
from finders.options import FinderOptions
from imaging.options import ImageOptions
from label_studio.api import Address, LabelStudioError, check_place, read_json
from net.sync_client import NoAnswer, SyncClient
from segmenters import preflight as model
from segmenters.options import ModelOptions
from serve_app.gpus import gpus_here
from serve_app.misspelt import misspelt
from serve_app.settings import Settings, variables
from serve_app.sizing import replicas_at_least
from values.errors import ImageUnauthorized, ModelError, ServiceError

COLLECTORS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""OpenTelemetry's variables that name a collector of spans: where one is set, `serve` has requests traced."""

EXPORTER = "opentelemetry.exporter.otlp.proto.http"

OF_COMMANDS = frozenset({"HOST", "PORT"})
"""Variables of `serve` itself."""

FAKED_RESOURCES = "RAY_OVERRIDE_RESOURCES"
"""Ray's variable that says which resources there are, whatever there is."""

LABELS = "RAY_OVERRIDE_LABELS"
"""Ray's variable that gives a node labels besides those that Ray gives every one."""

_OF_EVERY_NODE = "ray.io/"
_LONGEST = 40  # characters of a version


def wrong_names(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that is a slip of a setting's."""
    return [
        f"{name} is not a setting; did you mean {meant}? Correct its name, or remove it from the environment."
        for name, meant in misspelt(environment, {*variables(), *OF_COMMANDS})
    ]


def wrong_models(applications: Iterable[Settings], environment: Mapping[str, str]) -> list[str]:
    """A sentence for each of these applications whose model, detector, device or checkpoint is not there."""
    said = []
    for settings in applications:
        try:
            models, gpus = settings.part(ModelOptions), gpus_here(environment)
            model.check(models, gpus)
            detector.check(settings.part(FinderOptions), models, gpus)
        except ModelError as error:
            said.append(_sentence(error.detail))
    return list(dict.fromkeys(said))


def wrong_gpus(applications: Iterable[Mapping[str, Any]], environment: Mapping[str, str]) -> list[str]:
    """A sentence where these entries of ``applications:`` book more GPUs at least than this machine has.

    Ray would wait for the others for ever.
    """
    here = gpus_here(environment)
    if here is None or environment.get(FAKED_RESOURCES):
        return []
    booked = [found for application in applications for found in _booked(application)]
    needed = sum(gpus for _, gpus in booked)
    if needed <= here:
        return []
    return [
        f"The config books more GPUs than this machine has: at least {needed:g}"
        f" ({', '.join(said for said, _ in booked)}) of {here}. Lower min_replicas or num_gpus there, or take"
        " a config for this machine: `python -m serve_app plan` writes one."
    ]


def wrong_labels(applications: Iterable[Mapping[str, Any]], environment: Mapping[str, str]) -> list[str]:
    """A sentence for each label that these entries of ``applications:`` ask of a node and that the node of
    this machine does not have.

    Ray would wait for another node for ever.
    """
    if environment.get(LABELS):
        return []
    asked: dict[str, list[str]] = {}
    for name, label in (found for application in applications for found in _asked_labels(application)):
        asked.setdefault(label, []).append(name)
    return [
        f"The config wants {', '.join(dict.fromkeys(names))} on nodes with the label {label}, which this "
        "machine does not have. Remove label_selector there, or take a config for one machine, such as "
        "configs/serve.yaml; this one is for a cluster: `serve deploy`."
        for label, names in asked.items()
    ]


def _asked_labels(application: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(name of the deployment, label as `key: value`) of what a node without labels does not match."""
    for options, actor in _deployments(application):
        selector = actor.get("label_selector")
        for key, value in selector.items() if isinstance(selector, Mapping) else ():
            if not f"{key}".startswith(_OF_EVERY_NODE) and not f"{value}".startswith("!"):
                yield f"{options.get('name')}", f"{key}: {value}"


def _booked(application: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """(which replicas book them, how many GPUs) of each deployment that books any."""
    for options, actor in _deployments(application):
        try:
            share = float(actor.get("num_gpus") or 0)
            count = replicas_at_least(options)
        except (AttributeError, TypeError, ValueError):
            continue  # the lint says what is wrong there
        if share and count:
            yield f"{options.get('name')} {count} x {share:g}", count * share


def _deployments(application: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(options, those of its actors) of each deployment; the lint says of which nothing can be read."""
    listed = application.get("deployments")
    for options in listed if isinstance(listed, list) else []:
        actor = options.get("ray_actor_options") or {} if isinstance(options, Mapping) else None
        if isinstance(actor, Mapping):
            yield options, actor


def wrong_tracing(environment: Mapping[str, str]) -> list[str]:
    """A sentence where a collector of spans is named and what sends them is not installed."""
    named = next((name for name in COLLECTORS if environment.get(name)), None)
    if named is None or _is_installed(EXPORTER):
        return []
    return [
        f"{named} is set, and the package that sends spans is not installed; run "
        "`pip install -r requirements-tracing.txt`, or remove the variable."
    ]


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it
        return False


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking Label Studio. ``well``: it is there and its files can be read. ``refused``: it
    answered, and does not take the token that is set.

    ``sentence``: that all is well, or what is wrong and how to mend it.
    """

    well: bool
    refused: bool
    sentence: str


def ask_label_studio(options: ImageOptions, timeout_s: float) -> Asked | None:
    """Asks it as the running application does, within some ``timeout_s``; None where none is set."""
    address = options.label_studio_url
    if address is None:
        return None
    try:
        version = _version(address, timeout_s)
        if options.label_studio_api_key is None:
            return _without_token(address, version, setup=options.use_setup_token)
        said = asyncio.run(asyncio.wait_for(_takes_the_token(options), timeout_s))
    except ImageUnauthorized as error:
        return Asked(well=False, refused=True, sentence=_sentence(error.detail))
    except TimeoutError:
        return Asked(False, False, f"Label Studio at {address} gave no answer within {timeout_s:g} s.")
    except ServiceError as error:
        return Asked(False, False, _sentence(error.detail))
    return Asked(True, False, f"{said} (version {version})")


def _without_token(address: str, version: str, *, setup: bool) -> Asked:
    """``setup``: whether the tokens that come with /setup are taken."""
    there = f"Label Studio at {address} answers (version {version})"
    if setup:
        return Asked(True, False, f"{there}; its files are read with the tokens that come with /setup")
    return Asked(
        False, False, f"{there}, and no token is set: its files cannot be read. Set LABEL_STUDIO_API_KEY."
    )


def _version(address: str, timeout_s: float) -> str:
    """Label Studio's version; any other server may answer 404 to a file that is not there, too.

    Raises LabelStudioError where something else answers, or nothing does.
    """
    at = Address(address, "LABEL_STUDIO_URL")
    client = SyncClient(address, timeout_s)
    try:
        answer = client.send("GET", "/api/version/", {"Accept": "application/json"})
    except NoAnswer as error:
        raise LabelStudioError(
            f"cannot reach Label Studio at {address} ({error.kind}); "
            f"is it running, and is {at.setting} right?"
        ) from None
    finally:
        client.close()
    check_place(answer, at, None)
    found = read_json(answer.body, at) if answer.status == 200 else None
    if not isinstance(found, dict) or "release" not in found:
        raise at.unlike()
    return str(found["release"])[:_LONGEST]


async def _takes_the_token(options: ImageOptions) -> str:
    from imaging.reader import ImageReader  # here, because its libraries load slowly

    reader = ImageReader(options)
    try:
        return await reader.check()
    finally:
        await reader.aclose()


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:].rstrip('.')}."
