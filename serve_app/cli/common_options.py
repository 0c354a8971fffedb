"""What several commands share: options of Label Studio and the backend, and the error that they end with."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer

from label_studio.api import Address
from label_studio.client import LabelStudio
from label_studio.ml_backends import Backend
from label_studio.tokens import Token as ApiToken
from net.sync_client import SyncClient
from values.errors import ServiceError


class CommandError(ServiceError):
    """Something a person has to mend; the text is the sentence that says what and how."""


LabelStudioUrl = Annotated[
    str,
    typer.Option(
        "--label-studio-url",
        envvar=["LABEL_STUDIO_URL", "LABEL_STUDIO_HOST"],
        help="Label Studio's address as this command reaches it.",
    ),
]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        envvar=["LABEL_STUDIO_API_KEY", "LABEL_STUDIO_ACCESS_TOKEN"],
        help="A personal access token or a legacy token of Label Studio.",
        show_default=False,
    ),
]
BasicAuthUser = Annotated[
    str, typer.Option("--basic-auth-user", envvar="BASIC_AUTH_USER", help="User this backend asks for.")
]
BasicAuthPass = Annotated[
    str,
    typer.Option(
        "--basic-auth-pass",
        envvar="BASIC_AUTH_PASS",
        help="Password this backend asks for.",
        show_default=False,
    ),
]
BackendUrl = Annotated[
    str, typer.Option("--backend", help="The running backend's address as this command reaches it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]
LABEL_STUDIO = "http://localhost:8080"
BACKEND = "http://127.0.0.1:9090"


def backend_at(url: str, user: str, password: str) -> Backend:
    """The backend that was asked for. Raises CommandError."""
    if bool(user) != bool(password):
        raise CommandError("basic auth needs both --basic-auth-user and --basic-auth-pass")
    return Backend(web_address(url, "--backend"), user, password)


def label_studio_at(url: str, key: str, http: SyncClient | None = None) -> LabelStudio:
    """The Label Studio that was asked for, as the owner of ``key``. Raises CommandError."""
    if not key.strip():
        raise CommandError("a token is needed: give --token or set LABEL_STUDIO_API_KEY")
    at = Address(web_address(url, "Label Studio's URL"), "--label-studio-url")
    return LabelStudio(ApiToken(key.strip(), at, "that this command was given"), http)


def web_address(text: str, name: str) -> str:
    """``text`` as an http(s) address without a trailing slash; ``CommandError`` names ``name``."""
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise CommandError(f"{name} must look like http://host:port")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise CommandError(f"{name} must be a plain address: no user, password, ? or #")
    return address
