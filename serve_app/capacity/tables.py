"""The tables of docs/capacity.md, as rows of cells."""

from __future__ import annotations

from collections.abc import Iterator

from segmenters.models import MODELS as KNOWN
from serve_app.capacity import plan as planned
from serve_app.capacity.archive import Archive
from serve_app.capacity.breaking import STOCK_WORKERS, limits, round_down, workers
from serve_app.capacity.costs import MODELS, Card, default_model
from serve_app.capacity.demand import Demand
from serve_app.capacity.plan import Plan, busiest, one_core, one_encoder

SIZES = (25, 100, 1000, 10_000)
CARDS = (Card.NONE, Card.H100)
ARCHIVED = 100_000_000

EACH = ("model", "a decoder's core", "a core that encodes", "an L4", "an A100", "an H100")
ORDERS = (
    "annotators",
    "encoding on",
    "clicks/s",
    "new images/s",
    "cells",
    "ingresses",
    "decoders x cores",
    "busiest",
    "fetchers",
    "encoders",
    "cores",
    "Label Studio's workers",
    "breaks first, besides Label Studio",
)
ARCHIVE = ("", "`mobile_sam`", "`sam_vit_h`", "`sam2.1_hiera_large`")

Row = tuple[str, ...]


def each() -> Iterator[Row]:
    """What one core and one GPU carry, by model."""
    for name, costs in MODELS.items():
        encoding = "–" if costs.encode_s is None else f"{one_encoder(name, Card.NONE)}"
        cards = [
            "–" if costs.per_h200_s is None else f"{round_down(one_encoder(name, card)):,}"
            for card in (Card.L4, Card.A100, Card.H100)
        ]
        yield f"`{name}`", f"{one_core(name)}", encoding, *cards


def orders() -> Iterator[Row]:
    """What each order of size takes."""
    for annotators in SIZES:
        for card in CARDS:
            yield _order(planned.plan(annotators, default_model(card), card))


def _order(plan: Plan) -> Row:
    whole, demand = plan.cells * plan.annotators, Demand(plan.cells * plan.annotators)
    others = [limit for limit in limits(plan) if "uwsgi" not in limit.part]
    return (
        f"{whole:,}",
        f"CPU, `{plan.model}`" if plan.card is Card.NONE else f"{plan.card.upper()}, `{plan.model}`",
        f"{demand.clicks_s:g}",
        f"{demand.images_s:g}",
        f"{plan.cells}",
        f"{plan.ingresses}",
        f"{plan.decoders} x {plan.threads}",
        f"{busiest(plan.annotators, plan.decoders):.2f}",
        f"{plan.fetchers}",
        f"{plan.encoders}",
        f"{plan.cores:.0f}",
        f"{max(STOCK_WORKERS, workers(whole, plan.model)):,}",
        f"{others[0].part}, {round_down(others[0].annotators):,}",
    )


def archive() -> Iterator[Row]:
    """What a hundred million embeddings cost."""
    served = (("mobile_sam", Card.NONE), ("sam_vit_h", Card.H100), ("sam2.1_hiera_large", Card.H100))
    archives = [Archive(ARCHIVED, KNOWN[name].embedding_mib) for name, _ in served]
    yield "`DURABLE_GIB`", *(f"{each.gib:,.0f}" for each in archives)
    yield "kept for a month", *(f"${each.month:,.0f}" for each in archives)
    yield "written once (PUT)", *(f"${each.writing:,.0f}" for each in archives)
    yield "LIST requests of a sweep", *(f"{each.lists:,}" for each in archives)
    yield "a sweep", *(f"${each.sweep:.2f}, {each.sweep_hours(8):.1f} h" for each in archives)
    yield (
        "encoded once",
        *(
            f"{each.encoding_hours(name, card, 1000 if card is Card.NONE else 1):,.0f} h on"
            f" {'1,000 cores' if card is Card.NONE else 'one H100'}"
            for each, (name, card) in zip(archives, served, strict=True)
        ),
    )
    yield (
        "keeping costs as much as encoding again after",
        *(
            f"{each.worth_days(name, card):.1f} days"
            for each, (name, card) in zip(archives, served, strict=True)
        ),
    )
