"""A link that opens Ray's dashboard and logs in; `serve` prints it when the application runs.

The dashboard asks for the token of this instance, which nobody has typed. A small server on loopback sets the
cookie that Ray's own login would set. Browsers send a cookie to every port of the same host.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

COOKIE = "ray-authentication-token"  # as ray/_private/authentication/authentication_constants.py has it

_HOST = "127.0.0.1"


def ray_token(variables: Mapping[str, str]) -> str:
    """The token of this Ray, as the environment ``variables`` give it; "" without token auth."""
    if variables.get("RAY_AUTH_MODE", "").lower() != "token":
        return ""
    given = variables.get("RAY_AUTH_TOKEN", "").strip()
    return given or Path(variables["RAY_AUTH_TOKEN_PATH"]).read_text().strip()


class DashboardLink:
    """Listens on ``port`` of loopback, sets ``token`` as a cookie and redirects to the URL ``dashboard``.

    The link contains a random key. Whoever reads the link in a log still needs this machine's loopback.
    """

    def __init__(self, dashboard: str, port: int, token: str) -> None:
        self._dashboard = dashboard
        self._port = port
        self._token = token
        self._key = secrets.token_urlsafe(16)
        self.app = Starlette(routes=[Route("/{key}", self._open)])

    @property
    def url(self) -> str:
        """What to open in a browser on this machine."""
        return f"http://{_HOST}:{self._port}/{self._key}"

    def start(self) -> None:
        """Answer in a thread, until the process ends."""
        config = uvicorn.Config(
            self.app, host=_HOST, port=self._port, log_config=None, access_log=False, lifespan="off"
        )
        threading.Thread(target=uvicorn.Server(config).run, name="dashboard link", daemon=True).start()

    async def _open(self, request: Request) -> Response:
        if not hmac.compare_digest(request.path_params["key"].encode(), self._key.encode()):
            return PlainTextResponse("This is not the link that `serve` printed.", 404)
        response = RedirectResponse(self._dashboard, 303)
        response.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response
