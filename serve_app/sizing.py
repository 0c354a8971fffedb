"""How much memory the application takes: the measured sizes of its processes, added up.

Embeddings lie in the decoders' own memory. Ray's object store holds what is on its way: the pixels of images
that wait for an encoder, and their embeddings until a decoder has copied them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from segmenters.architectures import Family
from segmenters.model_names import CLASSICAL
from segmenters.models import ARCHITECTURES
from serve_app.settings import AllOptions

Bound = Literal["min_replicas", "max_replicas"]

# MiB of one process with the images in work, without its caches; docs/performance.md has the measurements.
RAY = (
    1500  # of Ray and Serve on a machine that is alone: GCS, raylet, dashboard, controller, proxies, HAProxy
)
NODE = 800  # of Ray and Serve on a node that joins
INGRESS = 170
FETCHER = 500  # with a picture of 60 megapixels
DECODER = 410
JOURNAL = 150
GPU_PROCESS = 2048  # what CUDA takes of the machine's memory in a process; assumed, not measured
ENCODERS: Mapping[str, int] = {
    CLASSICAL: 320,
    "mobile_sam": 774,
    "sam_vit_b": 1739,
    "sam_vit_l": 2955,
    "sam_vit_h": 4283,
    "sam2_hiera_tiny": 1406,
    "sam2_hiera_small": 1423,
    "sam2_hiera_base_plus": 1957,
    "sam2_hiera_large": 2778,
    "sam2.1_hiera_tiny": 1407,
    "sam2.1_hiera_small": 1423,
    "sam2.1_hiera_base_plus": 1957,
    "sam2.1_hiera_large": 2778,
}
FETCHED = 8
"""Images of one fetcher that are read and wait for an encoder; what waits for its host has no pixels."""
UNNAMED = "mobile_sam"
"""The model whose size is assumed where the settings name none."""


def replica_mib(name: str, settings: AllOptions, *, gpu: bool = False) -> int:
    """MiB of one replica of the deployment ``name`` when its caches are full.

    ``gpu``: whether it computes on one.
    """
    kept = settings.cache_mib + settings.refine_mib if name == "Decoder" else 0
    encoder = ENCODERS.get(settings.model, ENCODERS[UNNAMED])
    own = {"Ingress": INGRESS, "Fetcher": FETCHER, "Encoder": encoder, "Decoder": DECODER, "Journal": JOURNAL}
    return own[name] + kept + (GPU_PROCESS if gpu else 0)


def replicas(application: Mapping[str, Any], settings: AllOptions, bound: Bound) -> dict[str, int]:
    """Replicas of each deployment that an application of a Serve config lists, at least or at most."""
    return {
        name: settings.workers if name == "Ingress" else _count(options, bound)
        for name, options in _deployments(application).items()
    }


def store_mib(application: Mapping[str, Any], settings: AllOptions, bound: Bound) -> int:
    """MiB of the object store when no fetcher waits and every encoder has as many images as it takes.

    Data: URLs of clicks come on top. What the store has no room for is written to disk and read back.
    """
    options = _deployments(application)
    counts = replicas(application, settings, bound)
    pixels, embedding = _image_mib(settings.model)
    fetched = counts.get("Fetcher", 1) * FETCHED
    encoded = counts.get("Encoder", 1) * int(options.get("Encoder", {}).get("max_ongoing_requests", 5))
    return fetched * pixels + encoded * (pixels + embedding)


def machine_mib(application: Mapping[str, Any], settings: AllOptions, bound: Bound) -> int:
    """MiB that a machine needs for all of the application and for Ray, the object store included."""
    options = _deployments(application)
    counts = replicas(application, settings, bound)
    own = sum(
        count * replica_mib(name, settings, gpu=books_gpu(options[name])) for name, count in counts.items()
    )
    return RAY + own + store_mib(application, settings, bound)


def books_gpu(options: Mapping[str, Any]) -> bool:
    """Whether the options of a deployment book a GPU, or a part of one."""
    return bool((options.get("ray_actor_options") or {}).get("num_gpus"))


def _deployments(application: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each["name"]: each for each in application.get("deployments") or []}


def _count(options: Mapping[str, Any], bound: Bound) -> int:
    scaled = options.get("autoscaling_config") or {}
    return int(scaled.get(bound, 1) if scaled else options.get("num_replicas") or 1)


def _image_mib(model: str) -> tuple[int, int]:
    """MiB of one image's pixels at model size and of its embedding."""
    architecture = ARCHITECTURES.get(model)
    if architecture is not None and architecture.family is Family.SAM2:
        return 12, 16
    return 3, 4
