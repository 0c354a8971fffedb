"""How much memory the application takes: the measured sizes of its processes, added up.

Embeddings are in the decoders' own memory. Ray's object store holds what is on its way: the pixels of images
that wait for an encoder, and their embeddings until a decoder has copied them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from finders.catalogue import FINDERS
from segmenters.architectures import Family
from segmenters.model import Model
from segmenters.model_names import CLASSICAL
from segmenters.models import ARCHITECTURES, MODELS, encoder_of
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
PREPARING = 180  # of a decoder, for the network that computes what the prompts on an image share
FINER = 250  # of a decoder of HQ-SAM, whose last map has 64 channels: 80 for a click, 170 for several boxes
ENCODED = 200  # what an encoder on CPUs gains over some hundred images; measured with mobile_sam
JOURNAL = 150
FINDER = 1700  # without its weights, with one image in work; estimated, not measured
GPU_PROCESS = 2048  # what CUDA takes of the machine's memory in a process; assumed, not measured
FETCHED = 8
"""Images of one fetcher that are read and wait for an encoder; what waits for its host has no pixels."""
UNNAMED = "mobile_sam"
"""The model whose size is assumed where the settings name none."""


def replica_mib(name: str, settings: AllOptions, *, gpu: bool = False) -> int:
    """MiB of one replica of the deployment ``name`` when its caches are full.

    ``gpu``: whether it computes on one.
    """
    kept = _kept_mib(settings) if name == "Decoder" else 0
    encoder = _encoder(settings).encoder_mib + (0 if gpu else ENCODED)
    own = {"Ingress": INGRESS, "Fetcher": FETCHER, "Encoder": encoder, "Decoder": DECODER, "Journal": JOURNAL}
    own["Finder"] = FINDER + _weights_mib(settings)
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
    model = _encoder(settings)
    fetched = counts.get("Fetcher", 1) * FETCHED
    encoded = counts.get("Encoder", 1) * int(options.get("Encoder", {}).get("max_ongoing_requests", 5))
    return fetched * model.pixels_mib + encoded * (model.pixels_mib + model.embedding_mib)


def machine_mib(application: Mapping[str, Any], settings: AllOptions, bound: Bound) -> int:
    """MiB that a machine needs for all of the application and for Ray, the object store included."""
    options = _deployments(application)
    counts = replicas(application, settings, bound)
    own = sum(
        count * replica_mib(name, settings, gpu=books_gpu(options[name])) for name, count in counts.items()
    )
    if settings.finder != "none" and "Finder" not in counts:  # one, unless the config says otherwise
        own += replica_mib("Finder", settings)
    return RAY + own + store_mib(application, settings, bound)


def books_gpu(options: Mapping[str, Any]) -> bool:
    """Whether the options of a deployment book a GPU, or a part of one."""
    return bool((options.get("ray_actor_options") or {}).get("num_gpus"))


def _deployments(application: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each["name"]: each for each in application.get("deployments") or []}


def replicas_at_least(options: Mapping[str, Any]) -> int:
    """Replicas that the options of one deployment start with."""
    return _count(options, "min_replicas")


def _count(options: Mapping[str, Any], bound: Bound) -> int:
    scaled = options.get("autoscaling_config") or {}
    return int(scaled.get(bound, 1) if scaled else options.get("num_replicas") or 1)


def _weights_mib(settings: AllOptions) -> int:
    """Of the detector's both halves in float32."""
    model = FINDERS.get(settings.finder)
    return 0 if model is None else round(model.parameters * 4e6 / 2**20)


def _kept_mib(settings: AllOptions) -> int:
    """What a decoder's settings allow it to keep, and what it takes to make it."""
    kept = settings.cache_mib + settings.refine_mib
    if settings.prepared_mib and settings.model != CLASSICAL:
        kept += PREPARING + settings.prepared_mib
    architecture = ARCHITECTURES.get(settings.model)
    if architecture is not None and architecture.family is Family.HQ_SAM:
        kept += FINER
    if settings.finder != "none":
        kept += settings.found_mib
    return kept


def _encoder(settings: AllOptions) -> Model:
    """The model whose encoder is loaded, as far as the settings name one."""
    return encoder_of(settings.model, settings) or MODELS[UNNAMED]
