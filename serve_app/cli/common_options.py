"""What several commands share: options of Label Studio and the backend, and the error that they end with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import typer

from label_studio.api import Address
from label_studio.client import LabelStudio
from label_studio.ml_backends import Backend
from label_studio.pages import site_of_page
from label_studio.tokens import Token as ApiToken
from label_studio.tokens import not_whole
from net.sync_client import SyncClient
from serve_app.cli.serve.address import ANYWHERE, joined
from serve_app.cli.serve.ports import HIGHEST
from serve_app.cli.usage_errors import not_taken, whole_number
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
    str,
    typer.Option(
        "--backend",
        help="The running backend's address as this command reaches it.",
        show_default="this machine, at PORT or 9090",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]
LABEL_STUDIO = "http://localhost:8080"
BACKEND = ""
"""Where no --backend is given: where `serve` listens with the same variables, see ``own_backend``."""

_PORT = "9090"


def own_backend(variables: Mapping[str, str]) -> str:
    """The address of the backend that `serve` starts with these ``variables``, for who is on this machine."""
    host = variables.get("HOST", "").strip().strip("[]")
    reached = "127.0.0.1" if host in ("", *ANYWHERE) else host
    return f"http://{joined(reached, variables.get('PORT', '').strip() or _PORT)}"


def backend_at(url: str, user: str, password: str) -> Backend:
    """The backend that was asked for. Raises CommandError."""
    if bool(user) != bool(password):
        raise CommandError("basic auth needs both --basic-auth-user and --basic-auth-pass")
    given = url.strip()
    port = os.environ.get("PORT", "").strip()
    if not given and port and not port.isdigit():
        raise CommandError(not_taken("PORT", port, whole_number(1, HIGHEST), variable=True))
    return Backend(
        web_address(given or own_backend(os.environ), "--backend" if given else "HOST or PORT"),
        user,
        password,
    )


def label_studio_at(url: str, key: str, http: SyncClient | None = None) -> LabelStudio:
    """The Label Studio that was asked for, as the owner of ``key``. Raises CommandError."""
    if not key.strip():
        raise CommandError("a token is needed: give --token or set LABEL_STUDIO_API_KEY")
    if trouble := not_whole(key.strip()):
        raise CommandError(f"the token {trouble}")
    if (site := site_of_page(url)) is not None:
        raise CommandError(f"Label Studio's URL is that of one of its pages; the site's own is {site}")
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
