"""The Serve config of a plan: YAML with the keys of configs/serve.yaml in their order, each with its why."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

import yaml

from segmenters.models import MODELS as KNOWN
from serve_app import sizing
from serve_app.capacity.archive import Archive
from serve_app.capacity.breaking import first
from serve_app.capacity.costs import Card
from serve_app.capacity.demand import CLICK_EVERY_S, IMAGE_EVERY_S, Demand
from serve_app.capacity.deployment_options import (
    NODE_CORES,
    NODE_GIB,
    decoders_per_node,
    deployment_options,
    said,
)
from serve_app.capacity.plan import BUSY, ENCODER_CORES, Plan, busiest
from serve_app.settings import AllOptions


def serve_config(plan: Plan, settings: AllOptions, cell: int = 1, archive: Archive | None = None) -> str:
    """The text. ``settings``: those of ``args``. ``cell``: which of several it is for, from 1 on."""
    body = _body(plan, settings, cell, archive)
    application = yaml.safe_load(body)["applications"][0]
    head = [line for paragraph in _head(plan, settings, application) for line in said(0, paragraph)]
    return "\n".join([*head, body])


def args(plan: Plan, archive: Archive | None = None) -> dict[str, Any]:
    """The settings of ``args``."""
    found: dict[str, Any] = {
        "model": plan.model,
        "image_hosts": "public",
        "workers": plan.ingresses,
        "cache_mib": plan.cache_mib,
        "threads": plan.threads,
    }
    if archive is not None:
        found["durable_gib"] = ceil(archive.gib)
    return found


def _head(plan: Plan, settings: AllOptions, application: dict[str, Any]) -> Iterator[str]:
    yield _load(plan)
    for place, limit in enumerate(first(plan)):
        yield f"{'Then' if place else 'Breaks first'}: {limit}"
    yield _machines(plan, settings, application)
    yield (
        "Same keys in the same order as configs/serve.yaml, which explains each. "
        "`python -m serve_app doctor FILE` checks this file after you have edited it."
    )


def _load(plan: Plan) -> str:
    demand = Demand(plan.annotators)
    cells = f": one of {plan.cells} cells of {plan.annotators:,}" if plan.cells > 1 else ""
    assumed = "" if plan.card is Card.NONE else "; those of encoders on a GPU are aims and were not measured"
    return (
        f"For {plan.cells * plan.annotators:,} annotators who work at once, each with a click every"
        f" {CLICK_EVERY_S:g} s and a new image every {IMAGE_EVERY_S:g} s{cells}. That is {demand.clicks_s:g}"
        f" clicks and {demand.images_s:g} images a second here, with nothing busy for more than"
        f" {100 * BUSY:.0f} % as a mean. docs/capacity.md has the costs that this is made of{assumed}."
    )


def _machines(plan: Plan, settings: AllOptions, application: dict[str, Any]) -> str:
    gpu = "" if plan.card is Card.NONE else plan.card.upper()
    if plan.on_one_machine:
        gib = ceil(sizing.machine_mib(application, settings, "max_replicas") / 1024)
        gpus = f"{plan.encoders} {gpu}, " if gpu else ""
        cores = ceil(plan.cores)
        return f"All replicas at their most take a machine with {gpus}{cores} cores and {gib} GiB of memory."
    gpu_nodes = f"{plan.encoders} nodes with one {gpu} (label gpu) and " if gpu else ""
    return (
        f"All replicas at their most take {gpu_nodes}{_cpu_nodes(plan, settings)} nodes of {NODE_CORES} cores"
        f" and {NODE_GIB} GiB (label cpu), beside the head{', in each cell' if plan.cells > 1 else ''}."
    )


def _cpu_nodes(plan: Plan, settings: AllOptions) -> int:
    encoding = ENCODER_CORES * plan.encoders if plan.card is Card.NONE else 0
    others = plan.fetchers + plan.ingresses * 0.5 + encoding
    return ceil(plan.decoders / decoders_per_node(plan, settings)) + ceil(others / NODE_CORES)


def _body(plan: Plan, settings: AllOptions, cell: int, archive: Archive | None) -> str:
    cluster = not plan.on_one_machine
    host, port = ("0.0.0.0", 8000) if cluster else ("127.0.0.1", 9090)  # noqa: S104 - as configs/cluster.yaml
    several = plan.cells > 1
    lines = [
        "",
        "proxy_location: EveryNode",
        "",
        "http_options:",
        *(said(2, "Open to the network of the cluster, which your firewall closes.") if cluster else ()),
        f"  host: {host}",
        f"  port: {port}",
        "  request_timeout_s: 100",
        "",
        "applications:",
        "  - name: segment-anything",
        *(said(4, "The router sends a request to the cell that its path names.") if several else ()),
        f"    route_prefix: {f'/cell-{cell}' if several else '/'}",
        "    import_path: serve_app.app:build",
        "",
        "    args:",
        *_args(plan, archive),
        "",
        "    deployments:",
        *deployment_options(plan, settings, cluster=cluster),
    ]
    return "\n".join(lines) + "\n"


def _args(plan: Plan, archive: Archive | None) -> Iterator[str]:
    mib = KNOWN[plan.model].embedding_mib
    uneven = busiest(plan.annotators, plan.decoders)
    why = {
        "workers": f"{plan.annotators / plan.ingresses:.0f} annotators each; two at least, for when one"
        " dies.",
        "cache_mib": f"Of each decoder: six images of {mib} MiB for each of its"
        f" {plan.annotators / plan.decoders:.0f} annotators.",
        "threads": "Clicks that a decoder decodes at once, a core each. A few large decoders share the images"
        f" more evenly than many small ones: the busiest of {plan.decoders} has about {uneven:.2f} times the"
        " mean.",
        "durable_gib": "For so many images. Name the place by DURABLE: a bucket, or a folder that all nodes"
        " can reach. docs/capacity.md says after how many days keeping an embedding costs more than"
        " encoding it again.",
    }
    for name, value in args(plan, archive).items():
        if name in why:
            yield from said(6, why[name])
        yield f"      {name}: {value}"
