"""Warnings to the operator about who may use the application and Ray, known before both start."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from serve_app.settings import Settings


def security_warnings(
    applications: Iterable[Settings], address: str, variables: Mapping[str, str]
) -> Iterator[str]:
    """Sentences about ``applications`` that listen on the IP ``address``; ``variables``: the environment."""
    locked = all(each.basic_auth_user and each.basic_auth_pass for each in applications)
    if not locked and not ipaddress.ip_address(address).is_loopback:
        yield (
            "NO PASSWORD: everybody who reaches this machine may use this backend, and see masks of whatever "
            "images it may read. Set BASIC_AUTH_USER and BASIC_AUTH_PASS, or HOST=127.0.0.1."
        )
    mode = variables.get("RAY_AUTH_MODE", "token")
    if mode.lower() != "token":
        yield (
            f"RAY_AUTH_MODE={mode}: everybody who reaches a port of Ray runs code here as this user. "
            "Take RAY_AUTH_MODE out of the environment."
        )
