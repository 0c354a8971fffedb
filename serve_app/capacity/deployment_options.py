"""The deployments of a planned Serve config: how many of each, and on what, as lines of YAML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from math import ceil

from serve_app import sizing
from serve_app.capacity.breaking import round_down
from serve_app.capacity.costs import Card
from serve_app.capacity.demand import Demand
from serve_app.capacity.plan import ENCODER_CORES, Plan
from serve_app.settings import AllOptions

NODE_CORES, NODE_GIB = 16, 64
"""A node of a cluster without a GPU: a usual size."""

_HEAP = 0.6  # of its memory, besides Ray and its object store, which takes 30 %
_WIDTH = 110
_LABEL = "segment-anything/hardware"


def deployment_options(plan: Plan, settings: AllOptions, *, cluster: bool) -> Iterator[str]:
    """The lines under ``deployments:``. ``cluster``: with what Ray books of nodes, by their labels."""
    yield from _ingress(settings, cluster=cluster)
    yield from _fetcher(plan, settings, cluster=cluster)
    yield from _encoder(plan, settings, cluster=cluster)
    yield from _decoder(plan, settings, cluster=cluster)
    yield from _journal(settings, cluster=cluster)


def decoders_per_node(plan: Plan, settings: AllOptions) -> int:
    """How many decoders a node has room for, by cores and memory."""
    room = int(_HEAP * NODE_GIB * 1024 / sizing.replica_mib("Decoder", settings))
    return max(1, min(NODE_CORES // plan.threads, room))


def said(indent: int, text: str) -> list[str]:
    """``text`` as lines of a comment."""
    width = _WIDTH - indent - 2
    return [f"{' ' * indent}# {line}" for line in textwrap.wrap(text, width, break_on_hyphens=False)]


def _ingress(settings: AllOptions, *, cluster: bool) -> Iterator[str]:
    yield "      - name: Ingress"
    yield "        max_ongoing_requests: 4096"
    yield from _actor("Ingress", settings, 0.5, cluster=cluster)
    yield ""


def _fetcher(plan: Plan, settings: AllOptions, *, cluster: bool) -> Iterator[str]:
    images = Demand(plan.annotators).images_s
    yield "      - name: Fetcher"
    yield "        max_ongoing_requests: 4096"
    yield "        num_replicas: auto"
    yield "        autoscaling_config:"
    yield f"          min_replicas: {_least(plan.fetchers)}"
    yield from said(10, f"For {images:g} JPEGs of 12 megapixels a second.")
    yield f"          max_replicas: {plan.fetchers}"
    yield '          policy: {policy_function: "deployments.scaling:by_images_in_decode"}'
    yield from _actor("Fetcher", settings, 1, cluster=cluster)
    yield ""


def _encoder(plan: Plan, settings: AllOptions, *, cluster: bool) -> Iterator[str]:
    gpu = plan.card is not Card.NONE
    yield "      - name: Encoder"
    yield f"        max_ongoing_requests: {32 if gpu else 16}"
    yield "        autoscaling_config:"
    yield f"          min_replicas: {max(min(2, plan.encoders), _least(plan.encoders))}"
    yield from said(10, f"So many carry about {round_down(plan.carried('encoders')):,} annotators.")
    yield f"          max_replicas: {plan.encoders}"
    yield f"          target_ongoing_requests: {8 if gpu else 4}"
    if plan.encoders > 1:
        yield "          upscale_delay_s: 5"
        yield "          downscale_delay_s: 600"
    yield from _actor("Encoder", settings, 0.5 if gpu else ENCODER_CORES, cluster=cluster, gpu=gpu)
    if gpu:
        yield from said(
            8, "In a rolling change the old one stops before the new one starts, which needs its GPU."
        )
        yield "        max_surge_percent: 0"
    yield ""


def _decoder(plan: Plan, settings: AllOptions, *, cluster: bool) -> Iterator[str]:
    yield "      - name: Decoder"
    yield "        max_ongoing_requests: 4096"
    yield "        max_queued_requests: 1024"
    if cluster:
        yield from said(8, f"What a node of {NODE_CORES} cores and {NODE_GIB} GiB has room for.")
        yield f"        max_replicas_per_node: {decoders_per_node(plan, settings)}"
    yield "        num_replicas: auto"
    yield "        autoscaling_config:"
    yield f"          min_replicas: {max(2, _least(plan.decoders))}"
    yield from said(10, f"So many carry about {round_down(plan.carried('decoders')):,} annotators.")
    yield f"          max_replicas: {plan.decoders}"
    yield '          policy: {policy_function: "deployments.scaling:by_clicks_in_decode"}'
    yield "          upscale_delay_s: 5"
    yield "          downscale_delay_s: 1800"
    yield from _actor("Decoder", settings, plan.threads, cluster=cluster)
    yield ""


def _journal(settings: AllOptions, *, cluster: bool) -> Iterator[str]:
    yield "      - name: Journal"
    yield "        num_replicas: 1"
    yield from _actor("Journal", settings, 0, cluster=cluster)


def _actor(
    name: str, settings: AllOptions, cpus: float, *, cluster: bool, gpu: bool = False
) -> Iterator[str]:
    booked = {"num_cpus": f"{cpus:g}"}
    if gpu:
        booked["num_gpus"] = "1"
    if cluster:
        booked["memory"] = str(_bytes(sizing.replica_mib(name, settings, gpu=gpu)))
        booked["label_selector"] = f"{{{_LABEL}: {'gpu' if gpu else 'cpu'}}}"
    pairs = [f"{key}: {value}" for key, value in booked.items()]
    if not cluster:
        yield f"        ray_actor_options: {{{', '.join(pairs)}}}"
        return
    yield "        ray_actor_options:"
    yield from (f"          {pair}" for pair in pairs)


def _least(most: int) -> int:
    """Replicas while few work: a quarter, as at the ends of a day."""
    return max(1, ceil(most / 4))


def _bytes(mib: int) -> int:
    """Rounded up to ten megabytes."""
    return ceil(mib * 2**20 / 1e7) * 10_000_000
