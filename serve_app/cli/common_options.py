"""Options that several commands share: Label Studio's, and the backend's with its basic auth."""

from __future__ import annotations

from typing import Annotated

import typer

from serve_app.cli.connect.connection import Backend
from serve_app.cli.label_studio import ConnectError, LabelStudio, web_address

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
    """The backend that was asked for. Raises ConnectError."""
    if bool(user) != bool(password):
        raise ConnectError("basic auth needs both --basic-auth-user and --basic-auth-pass")
    return Backend(web_address(url, "--backend"), user, password)


def label_studio_at(url: str, token: str) -> LabelStudio:
    """The Label Studio that was asked for. Raises ConnectError."""
    if not token.strip():
        raise ConnectError("a token is needed: give --token or set LABEL_STUDIO_API_KEY")
    return LabelStudio(url, token)
