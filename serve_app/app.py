"""The whole graph on one page.

HTTP -> Ingress -> Decoder                        one hop for an image whose embedding is at hand
           |          +-- a miss -> Fetcher -> Encoder      pixels and embedding travel by reference
           |                           +--> Finder      what a detector sees, where one is named
           +--> Finder                            what phrases mean to it
           +--> Journal                           failures, for /diagnose
"""

# No `from __future__ import annotations` here: Ray reads the type of build's argument to validate `args:`.
import logging
from dataclasses import replace
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.config import RequestRouterConfig

from deployments.decoder import Decoder
from deployments.encoder import Encoder
from deployments.fetcher import Fetcher
from deployments.finder import Finder
from deployments.found_tier import Finding
from deployments.ingress import Ingress
from deployments.journal import Journal
from deployments.options import DecoderOptions, EncoderOptions, IngressOptions
from embeddings.options import DurableOptions
from finders.detector import detector_of
from finders.options import FinderOptions
from imaging.options import ImageOptions
from protocol.options import ReadOptions, RegionOptions
from segmenters.options import ModelOptions
from serve_app.automatic_choice import gpus, resolve_choice
from serve_app.node_code import check_nodes
from serve_app.settings import Settings

logger = logging.getLogger("ray.serve")

# The same image key always reaches the same decoder replica: that one holds the image's embedding. No other
# one stands in while it is busy, or the image would be encoded once more. After so many seconds all know that
# a replica has another slot.
BY_IMAGE_KEY = RequestRouterConfig(
    request_router_class="deployments.owner_router.OwnerRouter", request_routing_stats_period_s=2
)

# A share that Ray books, not a limit; small, so that the whole graph starts on two cores.
ENCODER_CPUS = 0.3

WAIT_LOOP_S = 0.2

# Every deployment by the name under which a config says how many replicas it has, and on what.
DEPLOYMENTS: dict[str, Any] = {
    "Ingress": serve.deployment(serve.ingress()(Ingress), name="Ingress"),
    "Fetcher": serve.deployment(Fetcher, name="Fetcher"),
    "Encoder": serve.deployment(Encoder, name="Encoder"),
    "Decoder": serve.deployment(Decoder, name="Decoder", request_router_config=BY_IMAGE_KEY),
    "Journal": serve.deployment(Journal, name="Journal"),
}

# Those that are there only where a setting asks for them.
OPTIONAL: dict[str, Any] = {"Finder": serve.deployment(Finder, name="Finder", max_ongoing_requests=16)}


def build(settings: Settings) -> Application:
    """The application that ``settings`` describe. Ray makes them from the ``args:`` of its config.

    Raises:
        ModelError: when the model that is named does not exist or cannot be served, or the nodes of the
            cluster have different versions of the code.
    """
    check_nodes()
    choice = resolve_choice(settings.part(ModelOptions), gpus())
    logger.info("serving %s: %s", choice.segmenter.version, choice.reason)
    images = settings.part(ImageOptions)
    for caution in images.cautions:
        logger.warning("%s", caution)

    common = {"logging_config": _logging(settings), **surviving(settings)}

    def bind(name: str, *args: Any, **options: Any) -> Any:
        return (DEPLOYMENTS | OPTIONAL)[name].options(**common | options).bind(*args)

    journal = bind("Journal")
    fetcher = bind("Fetcher", images, journal)
    batch = settings.part(EncoderOptions).encode_batch
    finding: list[Any] = []
    finders = settings.part(FinderOptions)
    if detector := detector_of(finders, settings.part(ModelOptions)):
        logger.info("finding things with %s", detector.version)
        resources = _encoder_resources(gpu=finders.finder_device.startswith("cuda"))
        finding = [Finding(detector, finders), bind("Finder", detector, batch, **resources)]
    encoder = bind("Encoder", choice.segmenter, batch, **_encoder_resources(gpu=choice.gpu))
    decoder = bind(
        "Decoder",
        choice.segmenter,
        settings.part(DecoderOptions),
        settings.part(RegionOptions),
        settings.part(DurableOptions),
        fetcher,
        encoder,
        *finding,
    )
    served = replace(choice.served, finder=finding[0].detector.version if finding else "")
    ingress = settings.part(IngressOptions)
    reading = settings.part(ReadOptions)
    return bind(
        "Ingress",
        ingress,
        images,
        reading,
        served,
        decoder,
        fetcher,
        journal,
        *finding[1:],
        num_replicas=settings.workers,
    )


def _logging(settings: Settings) -> dict[str, Any]:
    """How every deployment logs; deployments/json_log.py writes to stderr what Serve writes to files."""
    return {"log_level": settings.log_level, "encoding": settings.log_format.upper()}


def surviving(settings: Settings) -> dict[str, Any]:
    """What lets no click be lost with a replica, of every deployment unless the config says it."""
    return {
        # A dead replica is noticed and another one started. docs/reliability.md says what asking costs.
        "health_check_period_s": 1,
        # Whatever a replica has begun it answers before it stops: longer than the longest call.
        "graceful_shutdown_timeout_s": max(settings.predict_timeout_s, settings.encode_timeout_s) + 10,
        "graceful_shutdown_wait_loop_s": WAIT_LOOP_S,
        # In a rolling change a new replica answers before an old one stops, also where there is only one. Up
        # to four are replaced one at a time: what starts takes the clicks' cores.
        "max_surge_percent": 25,
    }


def _encoder_resources(*, gpu: bool) -> dict[str, Any]:
    """What a replica of an encoder, or of a finder, books unless the config says it."""
    booked = {"num_cpus": ENCODER_CPUS, "num_gpus": 1 if gpu else 0}
    # Two encoders at once would need another GPU, and a change would wait for one for ever.
    return {"ray_actor_options": booked, **({"max_surge_percent": 0} if gpu else {})}


def __getattr__(name: str) -> Application:
    """``app``, for `serve build` and `serve run serve_app.app:app`, made when it is asked for."""
    if name == "app":
        return build(Settings())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
