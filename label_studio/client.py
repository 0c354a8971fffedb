"""Label Studio's API as commands use it, as the owner of a token."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from label_studio.api import Json, LabelStudioError, Refused, checked, read_json
from label_studio.tokens import EXCHANGE, EXCHANGE_HEADERS, Token
from net.answer import Answer
from net.sync_client import NoAnswer, SyncClient
from values.evidence import Content

TIMEOUT_S = 60.0


class LabelStudio:
    """The Label Studio that ``token`` is for, as its owner. Safe to use from several threads.

    Every call raises LabelStudioError, of which Refused is one, or ImageUnauthorized.
    """

    def __init__(self, token: Token, http: SyncClient | None = None) -> None:
        self.at = token.at
        self._token = token
        self._exchanging = threading.Lock()
        self._http = http or SyncClient(token.at.url, TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return self.at.url

    def version(self) -> str:
        """Its version, as in "1.23.2"."""
        found = self.get("/api/version/")
        if not isinstance(found, dict) or "release" not in found:
            raise self.at.unlike()
        return str(found["release"])

    def read(self, path: str, **query: str | int) -> Content:
        """The body of a GET, as it came."""
        return self._call("GET", path, query=query)

    def get(self, path: str, **query: str | int) -> Json:
        """Parsed JSON of a GET."""
        return read_json(self.read(path, **query), self.at)

    def read_one(self, path: str, what: str) -> Content:
        """The body of a GET of one thing, such as "task 3", which need not be there."""
        try:
            return self.read(path)
        except Refused as error:
            if error.answered != 404:
                raise
            raise LabelStudioError(f"Label Studio has no {what} that this token may see") from error

    def post(self, path: str, body: Mapping[str, Json]) -> Json:
        """Parsed JSON of a POST with a JSON body."""
        return self._write("POST", path, json.dumps(body).encode())

    def post_written(self, path: str, body: bytes) -> Json:
        """Parsed JSON of a POST with a body that is JSON already."""
        return self._write("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Json]) -> Json:
        """Parsed JSON of a PATCH with a JSON body."""
        return self._write("PATCH", path, json.dumps(body).encode())

    def delete(self, path: str) -> None:
        """A DELETE, whose answer says nothing."""
        self._call("DELETE", path)

    def upload(self, path: str, files: Mapping[str, bytes]) -> Json:
        """Parsed JSON of a multipart POST; ``files`` maps file names to contents."""
        # Label Studio reads one file per form field, so each gets a field of its own.
        parts = {f"file{number}": item for number, item in enumerate(files.items())}
        return read_json(self._call("POST", path, files=parts), self.at)

    def _write(self, method: str, path: str, body: bytes) -> Json:
        headers = {"Content-Type": "application/json"}
        return read_json(self._call(method, path, headers, content=body), self.at)

    def _call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> Content:
        shown = self._shown()
        answer = self._send(method, path, {**(headers or {}), "Authorization": shown}, **content)
        if answer.status == 401 and self._token.refused(shown):
            shown = self._shown()
            answer = self._send(method, path, {**(headers or {}), "Authorization": shown}, **content)
        return checked(answer, f"{method} {path}", self.at, self._token, "the project")

    def _shown(self) -> str:
        """The Authorization header, exchanged once, however many threads need it."""
        with self._exchanging:
            if (header := self._token.header) is not None:
                return header
            answer = self._send("POST", EXCHANGE, EXCHANGE_HEADERS, content=self._token.exchange)
            return self._token.exchanged(answer, EXCHANGE)

    def _send(self, method: str, path: str, headers: Mapping[str, str], **content: Any) -> Answer:
        try:
            return self._http.send(method, path, headers, **content)
        except NoAnswer as error:
            if error.late:
                raise LabelStudioError(
                    f"Label Studio at {self.url} did not answer in time; is it overloaded?"
                ) from error
            raise LabelStudioError(
                f"cannot reach Label Studio at {self.url} ({error.kind}); "
                f"is it running, and is {self.at.setting} right?"
            ) from error
