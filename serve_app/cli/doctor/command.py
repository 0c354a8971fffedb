"""`python -m serve_app doctor`: what is wrong here, one line a check."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from serve_app import ROOT
from serve_app.cli.doctor import checks, open_ports
from serve_app.cli.doctor.checks import Check
from serve_app.cli.serve import address
from serve_app.cli.serve.ports import HIGHEST
from serve_app.cli.usage_errors import whole_number

_COLORS = {"ok": "green", "problem": "red", "skipped": "yellow"}


def doctor(
    files: Annotated[
        list[Path] | None, typer.Argument(help="YAML files to check; default: all of this repository.")
    ] = None,
    config: Annotated[Path, typer.Option(help="The Serve config whose settings and port are checked.")] = ROOT
    / "configs"
    / "serve.yaml",
    host: Annotated[
        str | None,
        typer.Option(envvar="HOST", help="Address of the backend; default: the config's."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(envvar="PORT", min=1, max=HIGHEST, help="Port of the backend; default: the config's."),
    ] = None,
    only_files: Annotated[
        bool, typer.Option("--only-files", help="Check the YAML files and nothing else.")
    ] = False,
    only_redis: Annotated[
        bool,
        typer.Option("--only-redis", help="Check the Redis of RAY_REDIS_ADDRESS, if any, and nothing else."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Check the YAML files, the settings, the memory, the ports, the backend that runs, and who may do what.

    Ends with status 1 if anything is wrong.
    """
    found = [] if only_redis else checks.check_files(files or _own_files(), ROOT)
    if not only_files:
        found += checks.check_redis(os.environ)
    if not only_files and not only_redis:
        found += _machine(config, host, port)
    if as_json:
        healthy = all(each.state != "problem" for each in found)
        typer.echo(json.dumps({"ok": healthy, "checks": [asdict(each) for each in found]}))
    else:
        for each in found:
            typer.echo(
                f"{typer.style(f'{each.state:<8}', fg=_COLORS[each.state])} {each.name}: {each.sentence}"
            )
    raise typer.Exit(any(each.state == "problem" for each in found))


def _own_files() -> list[Path]:
    from serve_app.lint.yaml_files import yaml_files

    return list(yaml_files(ROOT))


def _machine(config: Path, host: str | None, port: int | None) -> list[Check]:
    serve_config = _read(config)
    application = next(iter(_list(serve_config.get("applications"))), {})
    found, settings = checks.check_settings(_mapping(application.get("args")))
    if settings:
        found.append(checks.check_memory(application, settings, checks.memory_mib()))
    found.append(checks.check_haproxy())
    http = _mapping(serve_config.get("http_options"))
    prefix = str(application.get("route_prefix") or "/").rstrip("/")
    user, password = (settings.basic_auth_user, settings.basic_auth_pass) if settings else (None, None)
    at = port or http.get("port", 8000)
    try:
        listening = address.listening_address(host or str(http.get("host") or "127.0.0.1"))
        if not isinstance(at, int) or not 1 <= at <= HIGHEST:
            raise address.NoAddress(f"http_options.port of {config} must be {whole_number(1, HIGHEST)}.")
    except address.NoAddress as error:
        found.append(Check("backend", "problem", str(error)))
    else:
        url = address.origin(listening, at) + prefix
        login = user or "", password.get_secret_value() if password else ""
        found += [checks.check_backend(url, *login), *checks.check_diagnosis(url, *login)]
        if settings:
            found += checks.check_exposure(settings, listening, os.environ)
    found += checks.check_ray(open_ports.public_addresses())
    if settings:
        found.append(checks.check_label_studio(settings))
    return found


def _read(config: Path) -> dict[str, Any]:
    """The config, or nothing when it cannot be read: the lint says why."""
    try:
        return _mapping(yaml.safe_load(config.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError):
        return {}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
