"""Pages for browsers, beside the routes and in place of two: who asks for no page is answered as ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.http.reporter import Handler
from deployments.http.responses import error_response
from pages.accept import prefers_page
from pages.files import File, read_files
from pages.openapi import document
from values.errors import NoSuchRoute
from values.one_line import shown

Route = tuple[str, str, Handler]
"""Path, method, handler."""

BESIDES = {"/": "status.html", "/diagnose": "diagnose.html"}
"""Pages that have the path of a route; the route answers who wants JSON."""

OWN = {"/playground": "playground.html", "/docs": "docs.html"}

STATIC = "/pages/{name:path}"
INTERFACE = "/openapi.json"


def with_pages(routes: Sequence[Route]) -> list[Route]:
    """The routes, and the pages."""
    files = read_files()
    all_routes = list(_joined(routes, files))
    described = [(path, method) for path, method, _ in [*all_routes, (INTERFACE, "GET", None)]]
    interface = File(msgspec.json.format(msgspec.json.encode(document(described))), "application/json")
    return [*all_routes, (INTERFACE, "GET", _sends(interface))]


class PrefixPage:
    """ASGI middleware that leads a browser from an application's prefix to its first page.

    ``/mobile_sam`` without a slash is no path of the application below it, and what people type.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or answer for the application."""
        bare = scope["type"] == "http" and scope["path"] == scope.get("root_path", "") != ""
        if bare and scope["method"] in ("GET", "HEAD") and prefers_page(Headers(scope=scope).get("accept")):
            await _moved(scope["path"], "/")(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _joined(routes: Sequence[Route], files: dict[str, File]) -> Iterator[Route]:
    for path, method, handler in routes:
        if method == "GET" and path in BESIDES:
            yield path, method, _page_or(files[BESIDES[path]], path, handler)
        else:
            yield path, method, handler
    for path, name in OWN.items():
        yield path, "GET", _page(files[name], path)
    yield STATIC, "GET", _file_of(files)


def _page_or(page: File, path: str, handler: Handler) -> Handler:
    """The page for browsers, and what the handler answers for everybody else."""
    show = _page(page, path)

    async def page_or(request: Request) -> Response:
        wanted = prefers_page(request.headers.get("accept"))
        response = await (show if wanted else handler)(request)
        response.headers["Vary"] = "Accept"
        return response

    return page_or


def _page(page: File, path: str) -> Handler:
    """A page at its one spelling: the links in it start from there, whatever prefix is in front.

    The other spelling leads there by a relative address. An absolute one would name the host of the request.
    """

    async def show(request: Request) -> Response:
        slashed = request.scope["path"].endswith("/")
        if slashed != (path == "/"):
            return _moved(request.scope["path"], path)
        return _sent(page, request)

    return show


def _moved(asked: str, path: str) -> Response:
    """To the one spelling of a page's address, relative to the one that was asked for."""
    there = f"./{quote(asked.rpartition('/')[2])}/" if path == "/" else f"..{path}"
    return Response(status_code=307, headers={"Location": there})


def _file_of(files: dict[str, File]) -> Handler:
    """A file by its name in the path. Names are looked up; no path of a client is ever opened."""

    async def file_of(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            return error_response(NoSuchRoute(f"there is no file {shown(name)} of the pages"))
        return _sent(files[name], request)

    return file_of


def _sends(file: File) -> Handler:
    async def send(request: Request) -> Response:
        return _sent(file, request)

    return send


def _sent(file: File, request: Request) -> Response:
    if file.is_known(request.headers.get("if-none-match")):
        return Response(status_code=304, headers=file.headers)
    return Response(file.content, headers=file.headers)
