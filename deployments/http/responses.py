"""What every answer and every refusal looks like on the wire."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from values.errors import BodyTooLarge, Overloaded, ServiceError
from values.one_line import shown


def json_response(content: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def error_response(error: ServiceError) -> Response:
    """`{"error": code, "detail": sentence}` with the status of the error's class."""
    response = json_response({"error": error.code, "detail": error.detail}, error.status)
    if isinstance(error, Overloaded):
        response.headers["Retry-After"] = "2"
    return response


def http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (no such route, wrong method) in the same shape."""
    if not isinstance(error, HTTPException):
        raise error
    code = {404: "no_such_route", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    detail = f"{shown(request.method)} {shown(request.url.path)}: {error.detail}"
    response = json_response({"error": code, "detail": detail}, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body.

    Raises:
        BodyTooLarge: as soon as it is known to be over ``max_bytes``, by its header or by counting.
    """
    refusal = BodyTooLarge(
        f"the request body is over {max_bytes >> 20} MiB; accept or delete regions of this task, "
        "choose polygons instead of brush masks, or raise max_body_mib"
    )
    length = request.headers.get("content-length", "")
    # Bounded and ASCII: int() takes no thousands of digits, and isdigit() takes more than int().
    if length.isascii() and length.isdigit() and (len(length) > 20 or int(length) > max_bytes):
        raise refusal
    chunks, total = [], 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > max_bytes:
            raise refusal
        chunks.append(chunk)
    return b"".join(chunks)
