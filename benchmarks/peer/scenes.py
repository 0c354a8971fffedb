"""Pictures that both sides fetch from one server, and clicks on them as Label Studio sends them."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import ThreadingHTTPServer

from benchmarks.click.latency import Pictures
from benchmarks.images.large_pictures import SIZES, encoded, large_scene
from testing.label_studio_masks import deepest, keypoint
from testing.label_studio_requests import predict_body
from testing.running_app import free_port

LABEL = "Object"

_CLICKS = 2  # on each picture, of the two or three things in it


@dataclass(frozen=True, slots=True)
class Scene:
    """``requests``: bodies of /predict, one for each click on the picture."""

    name: str
    megapixels: int
    requests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """``host``: ``address:port`` of the server. ``scenes``: megapixels -> pictures."""

    host: str
    scenes: dict[int, list[Scene]]


@contextlib.contextmanager
def gallery(counts: dict[int, int]) -> Iterator[Gallery]:
    """``counts``: megapixels, of SIZES -> how many pictures of them are served."""
    port = free_port()
    host = f"127.0.0.1:{port}"
    scenes = {size: [_scene(host, seed, size) for seed in range(count)] for size, count in counts.items()}
    server = ThreadingHTTPServer(("127.0.0.1", port), Pictures)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Gallery(host, scenes)
    finally:
        server.shutdown()
        server.server_close()


def _scene(host: str, seed: int, megapixels: int) -> Scene:
    picture = large_scene(seed, megapixels)
    name = f"{megapixels}-{seed}.jpg"
    Pictures.pictures[f"/{name}"] = encoded(picture.rgb, "JPEG")
    clicks = [deepest(mask) for mask in picture.masks[:_CLICKS]]
    width, height = SIZES[megapixels]
    return Scene(name, megapixels, requests(f"http://{host}/{name}", clicks, width, height))


def requests(url: str, clicks: Sequence[tuple[float, float]], width: int, height: int) -> tuple[bytes, ...]:
    """The request of each click, which is in pixels."""
    found = []
    for click in clicks:
        item = keypoint(click, (height, width), LABEL)
        found.append(json.dumps(predict_body(url, context={"result": [item]})).encode())
    return tuple(found)
