"""A backend that answers Label Studio's protocol with a given mask, for tests that are about Label Studio."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.brush_rle import encode

Json = Any
Answer = Callable[[list[Json]], NDArray[np.bool_]]


class StubBackend:
    """``url`` is where it listens; ``requests`` are (method, path) in the order they came."""

    def __init__(self, answer: Answer | None, credentials: str) -> None:
        stub = self
        self.requests: list[tuple[str, str]] = []
        self._answer = answer
        self._expected = f"Basic {base64.b64encode(credentials.encode()).decode()}" if credentials else ""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply({"status": "UP", "model_version": "stub", "versions": ["stub"]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
                results = stub._results(body) if self.path.endswith("/predict") else []
                self._reply({"model_version": "stub", "results": results})

            def _reply(self, body: Json) -> None:
                stub.requests.append((self.command, self.path))
                allowed = not stub._expected or self.headers.get("Authorization") == stub._expected
                content = json.dumps(body).encode()
                self.send_response(200 if allowed else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing: a failed test shows ``requests``."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _results(self, body: Json) -> list[Json]:
        prompts = ((body.get("params") or {}).get("context") or {}).get("result") or []
        if not prompts or self._answer is None:
            return []
        last = prompts[-1]
        label = last["value"].get("keypointlabels") or last["value"].get("rectanglelabels")
        mask = self._answer(prompts)
        region = {
            "id": f"stub{len(self.requests):06d}",
            "from_name": "brush",
            "to_name": "image",
            "type": "brushlabels",
            **{key: last[key] for key in ("original_width", "original_height", "image_rotation")},
            "value": {"format": "rle", "rle": encode(mask).tolist(), "brushlabels": label},
            "score": 0.9,
        }
        return [{"result": [region], "score": 0.9, "model_version": "stub"}]


@contextmanager
def stub_backend(answer: Answer | None = None, credentials: str = "") -> Iterator[StubBackend]:
    """A stub on a free loopback port.

    ``answer``: from prompts to mask. ``credentials``: the "user:password" it asks for.
    """
    stub = StubBackend(answer, credentials)
    thread = threading.Thread(target=stub._server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield stub
    finally:
        stub._server.shutdown()
        stub._server.server_close()
        thread.join()
