"""The few calls of Label Studio's API that ``connect`` needs, with failures as sentences for a person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from serve_app.cli.tokens import TokenAuth

Json = Any

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_REFUSED_ADDRESS = "reserved network address"  # Label Studio's own words, core/utils/io.py
_MARKUP = re.compile(r"<[^>]+>")


class ConnectError(Exception):
    """Something a person has to mend; the text is the sentence that says what and how."""


class Refused(ConnectError):
    """Label Studio answered with an error status."""

    def __init__(self, sentence: str, status: int, reason: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason

    @property
    def private_address(self) -> bool:
        """Whether the reason is a loopback or private address that Label Studio's settings forbid."""
        return self.status in (400, 403) and _REFUSED_ADDRESS in self.reason


class LabelStudio:
    """Label Studio at ``url`` (a path prefix is kept), as the owner of ``token``.

    ``token``: a personal access token or a legacy token. Every call raises ``ConnectError``.
    ``transport`` replaces the network, for tests.
    """

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = web_address(url, "Label Studio's URL")
        self._client = httpx.Client(
            base_url=self.url,
            auth=TokenAuth(self.url, token),
            timeout=httpx.Timeout(60.0, connect=10.0),
            transport=transport,
            # A proxy configured for the internet must not catch calls to this very machine.
            trust_env=urlsplit(self.url).hostname not in _LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **query: str | int) -> Json:
        """Parsed JSON of a GET."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Json]) -> Json:
        """Parsed JSON of a POST with a JSON body."""
        return self._call("POST", path, json=body)

    def patch(self, path: str, body: Mapping[str, Json]) -> Json:
        """Parsed JSON of a PATCH with a JSON body."""
        return self._call("PATCH", path, json=body)

    def upload(self, path: str, files: Mapping[str, bytes]) -> Json:
        """Parsed JSON of a multipart POST; ``files`` maps file names to contents."""
        # Label Studio reads one file per form field, so each gets a field of its own.
        parts = {f"file{number}": item for number, item in enumerate(files.items())}
        return self._call("POST", path, files=parts)

    def _call(self, method: str, path: str, **options: Any) -> Json:
        try:
            answer = self._client.request(method, path, **options)
        except httpx.TimeoutException as error:
            raise ConnectError(
                f"Label Studio at {self.url} did not answer in time; is it overloaded?"
            ) from error
        except httpx.HTTPError as error:
            raise ConnectError(
                f"cannot reach Label Studio at {self.url} ({type(error).__name__}); "
                "is it running, and is --label-studio-url right?"
            ) from error
        if answer.status_code == 401:
            raise Refused(
                f"Label Studio at {self.url} does not accept the token: make a new one under its "
                "Account & Settings (a legacy token works only while the organization allows legacy tokens)",
                401,
                "",
            )
        if answer.is_redirect:
            target = urlsplit(answer.headers.get("Location", ""))
            raise ConnectError(
                f"{self.url} redirects to {target.scheme}://{target.netloc}{target.path}; "
                "give --label-studio-url the address it redirects to"
            )
        if answer.is_error:
            reason = _reason(answer)
            sentence = f"Label Studio refused {method} {path}: HTTP {answer.status_code} {reason}"
            raise Refused(sentence.rstrip(), answer.status_code, reason)
        try:
            return answer.json()
        except ValueError as error:
            raise ConnectError(
                f"{self.url} does not answer as Label Studio does; check --label-studio-url"
            ) from error


def web_address(text: str, name: str) -> str:
    """``text`` as an http(s) address without a trailing slash; ``ConnectError`` names ``name``."""
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ConnectError(f"{name} must look like http://host:port")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConnectError(f"{name} must be a plain address: no user, password, ? or #")
    return address


def _reason(answer: httpx.Response) -> str:
    """What Label Studio says went wrong, as one line without markup."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        body = {"detail": body}
    said = body.get("validation_errors") or body.get("detail") or ""
    return " ".join(_MARKUP.sub("", " ".join(_sentences(said))).split())[:600]


def _sentences(said: Json) -> Iterator[str]:
    if isinstance(said, dict):
        for key, value in said.items():
            text = " ".join(_sentences(value))
            yield text if key == "non_field_errors" else f"{key}: {text}"
    elif isinstance(said, list):
        for value in said:
            yield from _sentences(value)
    elif said:
        yield str(said)
