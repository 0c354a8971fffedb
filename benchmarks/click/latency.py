"""Click latency over HTTP: the first click on an image and the next ones, and where the time goes.

    python -m benchmarks.click.latency                         starts the application for itself
    python -m benchmarks.click.latency --url http://host:9090  asks one that runs; with --port P it must be
                                                               started with IMAGE_HOSTS=127.0.0.1:P

"framework" is everything of a warm click but decode, resample and region: HTTP, HAProxy, parsing, the hop to
the decoder replica, serialising. Next to it is the floor: a bare graph of the same shape (``floor.py``) in
the same Ray, asked in turn with every click, because how long a process takes to wake differs by machine.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import io
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import yaml
from PIL import Image

from testing.label_studio_masks import deepest, keypoint
from testing.label_studio_requests import predict_body
from testing.running_app import ROOT, free_port, running_app
from testing.scenes import scene

MASK_STAGES = ("embedding", "decode", "resample", "region")


class Pictures(http.server.BaseHTTPRequestHandler):
    """Serves the pictures of the benchmark."""

    pictures: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        """Answer with the picture of this path."""
        body = self.pictures[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextlib.contextmanager
def served(port: int) -> Iterator[None]:
    """Within the block ``Pictures`` are at this port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Pictures)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()


@contextlib.contextmanager
def pictures(port: int, count: int, width: int, height: int) -> Iterator[list[dict[str, Any]]]:
    """Requests with a click on an object each of ``count`` scenes, which are served meanwhile."""
    requests = []
    for seed in range(count):
        drawn = scene(seed, width, height)
        stream = io.BytesIO()
        Image.fromarray(drawn.rgb).save(stream, "JPEG", quality=90)
        Pictures.pictures[f"/{seed}.jpg"] = stream.getvalue()
        item = keypoint(deepest(drawn.masks[0]), (height, width), "Object")
        requests.append(predict_body(f"http://127.0.0.1:{port}/{seed}.jpg", context={"result": [item]}))
    with served(port):
        yield requests


def timed(client: httpx.Client, body: dict[str, Any], prefix: str = "") -> tuple[float, dict[str, float]]:
    """Milliseconds of one click as the client sees it, and by stage as the answer says.

    ``prefix``: of the application, where several are behind one port.
    """
    started = time.perf_counter()
    response = client.post(f"{prefix}/predict", json=body)
    total = (time.perf_counter() - started) * 1000
    response.raise_for_status()
    stages = [
        part.split(";dur=") for part in response.headers["server-timing"].split(", ") if ";dur=" in part
    ]
    return total, {name: float(value) for name, value in stages}


def report(title: str, totals: list[float], stages: list[dict[str, float]]) -> None:
    """Print p50 and p95, and the mean of each stage with its share."""
    ordered = sorted(totals)
    p50, p95 = statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))]
    print(f"\n{title}: {len(totals)} clicks, p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    mean = statistics.fmean(totals)
    named = {name: statistics.fmean(each[name] for each in stages) for name in stages[0]}
    named["http"] = mean - sum(named.values())
    for name, value in sorted(named.items(), key=lambda pair: -pair[1]):
        print(f"  {name:<10} {value:9.2f} ms {value / mean:6.1%}")


def measure(url: str, requests: list[dict[str, Any]], repeats: int, floor: str | None) -> None:
    """Click on every picture, first and again, and print what it took."""
    with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
        print(f"model: {client.get('/health').json()['model_version']}")
        first = [timed(client, body) for body in requests]
        again, floors = [], []
        for body in requests * repeats:
            again.append(timed(client, body))
            if floor:
                started = time.perf_counter()
                client.post(floor, json=body).raise_for_status()
                floors.append((time.perf_counter() - started) * 1000)
    report("first click", [total for total, _ in first], [stages for _, stages in first])
    report("next click", [total for total, _ in again], [stages for _, stages in again])
    framework = statistics.median(
        total - sum(stages[name] for name in MASK_STAGES) for total, stages in again
    )
    share = framework / statistics.median(total for total, _ in again)
    print(f"\nframework's share of a warm click: p50 {framework:.2f} ms ({share:.1%})")
    if floors:
        least = statistics.median(floors)
        print(f"floor in this run: p50 {least:.2f} ms; framework / floor {framework / least:.2f}")


def with_floor(instant: bool) -> dict[str, Any]:
    """configs/serve.yaml with the floor as a second application, and with ``instant.py``'s model if asked."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    if instant:
        config["applications"][0]["import_path"] = "testing.instant:build"
    floor = {"name": "floor", "route_prefix": "/floor", "import_path": "benchmarks.click.floor:app"}
    config["applications"].append(floor)
    return config


def main() -> None:
    """Read the arguments, start what is needed, measure."""
    parser = argparse.ArgumentParser(description="Latency of first and next clicks, by stage.")
    parser.add_argument("--url", help="an application that runs; default: start one")
    parser.add_argument("--port", type=int, default=0, help="port on which the pictures are served")
    parser.add_argument("--instant", action="store_true", help="with a model that decodes in no time")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=10, help="next clicks on each image")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=960)
    arguments = parser.parse_args()
    port = arguments.port or free_port()
    with pictures(port, arguments.images, arguments.width, arguments.height) as requests:
        if arguments.url:
            measure(arguments.url, requests, arguments.repeats, floor=None)
            return
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            yaml.safe_dump(with_floor(arguments.instant), config)
            hosts = {"IMAGE_HOSTS": f"127.0.0.1:{port}"}
            with running_app(Path(config.name), hosts, haproxy=True) as app:
                measure(app.url, requests, arguments.repeats, floor="/floor/predict")


if __name__ == "__main__":
    main()
