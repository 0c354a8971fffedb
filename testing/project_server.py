"""As much of Label Studio as a session of annotators needs: a project of pictures with unlabelled tasks."""

from __future__ import annotations

import http.server
import io
import json
import threading
from collections import Counter
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from PIL import Image

from testing.label_studio_masks import keypoint
from testing.scenes import scene

LABEL_CONFIG = (
    '<View><Image name="image" value="$image"/><KeyPointLabels name="point" toName="image" smart="true">'
    '<Label value="Object"/></KeyPointLabels><BrushLabels name="brush" toName="image"><Label value="Object"/>'
    "</BrushLabels></View>"
)


class Studio:
    """Serves a project's pictures and lists its unlabelled tasks as Label Studio 1.23 does, to anybody.

    There are ``pictures`` different ones; task n shows number n modulo that. ``host``: an address of this
    machine.
    """

    def __init__(
        self, tasks: int, width: int, height: int, pictures: int = 1, host: str = "127.0.0.1"
    ) -> None:
        self._pictures = [_jpeg(seed, width, height) for seed in range(1, pictures + 1)]
        self.listed = 0
        self.read = Counter[int]()
        """How often the picture of each task was read."""
        self._unlabelled = dict.fromkeys(range(1, tasks + 1))
        self._waiting = list(self._unlabelled)
        self._lock = threading.Lock()
        handler = type("_Handler", (_Handler,), {"studio": self})
        self._http = http.server.ThreadingHTTPServer((host, 0), handler)
        self.url = f"http://{host}:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def picture(self, task: int) -> bytes:
        """The picture of a task, a JPEG."""
        with self._lock:
            self.read[task] += 1
        return self._pictures[task % len(self._pictures)]

    def next_task(self) -> int | None:
        """The next task, which no other caller gets."""
        with self._lock:
            return self._waiting.pop(0) if self._waiting else None

    def submit(self, task: int) -> None:
        """Mark the task as labelled."""
        with self._lock:
            del self._unlabelled[task]

    def behind(self, task: int, count: int) -> list[dict[str, Any]]:
        """Unlabelled tasks, as the API lists them."""
        with self._lock:
            self.listed += 1
            numbers = [number for number in self._unlabelled if number > task][:count]
        return [task_of(number) for number in numbers]


def task_of(number: int) -> dict[str, Any]:
    """A task as Label Studio sends it."""
    return {"id": number, "data": {"image": f"/data/upload/1/{number}.jpg"}}


def request_of(
    number: int, size: tuple[int, int] | None = None, at: tuple[float, float] = (0.5, 0.5)
) -> dict[str, Any]:
    """The request that Label Studio sends when a task is opened; with a ``size``, the request of a click.

    ``size``: width and height of the picture. ``at``: the place of the click, in fractions of both.
    """
    context = None
    if size is not None:
        width, height = size
        context = {"result": [keypoint((width * at[0], height * at[1]), (height, width), "Object")]}
    asked = {"tasks": [task_of(number)], "project": "1.17", "label_config": LABEL_CONFIG}
    return {**asked, "params": {"context": context}}


def _jpeg(seed: int, width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(scene(seed, width, height).rgb).save(stream, "JPEG", quality=90)
    return stream.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    studio: Studio

    def do_GET(self) -> None:
        """A picture, a list of tasks, or its version: `serve` asks for that before it starts."""
        parts = urlsplit(self.path)
        if parts.path == "/api/tasks":
            asked = parse_qs(parts.query)
            behind = json.loads(asked["query"][0])["filters"]["items"][0]["value"]
            found = self.studio.behind(behind, int(asked["page_size"][0]))
            self._answer(json.dumps({"tasks": found, "total": len(found)}).encode(), "application/json")
        elif parts.path == "/api/version/":
            self._answer(json.dumps({"release": "1.23.2"}).encode(), "application/json")
        elif not PurePosixPath(parts.path).stem.isdecimal():
            self.send_error(404)
        else:
            self._answer(self.studio.picture(int(PurePosixPath(parts.path).stem)), "image/jpeg")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
