"""Reads the Serve config that is run; refuses a wrong one, and warns of an open one, before Ray starts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from serve_app.cli.serve.ports import HIGHEST
from serve_app.settings import Settings, SettingsError

BUILDER = "serve_app.app:build"


class ConfigRefused(Exception):
    """A config that cannot be run; the text is a sentence for the operator."""


def read(path: Path) -> dict[str, Any]:
    """The config in the file, with ``http_options`` and ``applications`` in it. Raises ConfigRefused."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigRefused(f"Cannot read {path}: {error.strerror}.") from None
    except (UnicodeDecodeError, yaml.YAMLError):
        raise ConfigRefused(_refused(path, "is not YAML")) from None
    if not isinstance(config, dict):
        raise ConfigRefused(_refused(path, "is not a Serve config"))
    config["http_options"] = config.get("http_options") or {}
    applications = config.get("applications")
    if not isinstance(config["http_options"], dict) or not _mappings(applications):
        raise ConfigRefused(_refused(path, "is not a Serve config"))
    port = config["http_options"].get("port", 1)
    if not isinstance(port, int) or not 1 <= port <= HIGHEST:
        raise ConfigRefused(f"{path}: http_options.port must be a whole number from 1 to {HIGHEST}.")
    return config


def settings(config: dict[str, Any]) -> list[Settings]:
    """The settings of each application of ours, as it will read them itself. Raises ConfigRefused."""
    read: list[Settings] = []
    said: list[str] = []
    for application in config["applications"]:
        args = application.get("args") or {}
        if application.get("import_path") == BUILDER and isinstance(args, dict):
            try:
                read.append(Settings(**args))
            except SettingsError as error:
                said += map(str, error.args)
    if said:
        raise ConfigRefused("\n".join(dict.fromkeys(said)))
    return read


def prefixes(config: dict[str, Any]) -> tuple[str, ...]:
    """The path of each application, empty for the root."""
    return tuple(str(each.get("route_prefix") or "/").rstrip("/") for each in config["applications"])


def _mappings(applications: Any) -> bool:
    return (
        isinstance(applications, list)
        and bool(applications)
        and all(isinstance(each, dict) for each in applications)
    )


def _refused(path: Path, why: str) -> str:
    return f"{path} {why}; `python -m serve_app doctor {path}` says where."


def security_warnings(
    applications: Iterable[Settings], address: str, variables: Mapping[str, str]
) -> Iterator[str]:
    """Sentences about ``applications`` that listen on the IP ``address``; ``variables``: the environment."""
    locked = all(each.basic_auth_user and each.basic_auth_pass for each in applications)
    if not locked and not ipaddress.ip_address(address).is_loopback:
        yield (
            "NO PASSWORD: anyone who can reach this machine can use this backend, and see masks of all "
            "images that it can read. Set BASIC_AUTH_USER and BASIC_AUTH_PASS, or HOST=127.0.0.1."
        )
    mode = variables.get("RAY_AUTH_MODE", "token")
    if mode.lower() != "token":
        yield (
            f"RAY_AUTH_MODE={mode}: anyone who can reach a port of Ray can run code here as this user. "
            "Remove RAY_AUTH_MODE from the environment."
        )
