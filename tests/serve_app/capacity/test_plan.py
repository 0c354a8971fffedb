"""Replicas for so many annotators: enough, not many more, and what is missing is said."""

from __future__ import annotations

import random
from dataclasses import replace
from statistics import mean

import pytest

from embeddings.rendezvous import Rendezvous
from serve_app.capacity.costs import (
    HOP_S,
    INGRESS_S,
    MODELS,
    SHARES,
    Card,
    NoFigures,
    default_model,
    images_s,
)
from serve_app.capacity.demand import Demand
from serve_app.capacity.plan import (
    BUSIEST,
    BUSY,
    CELL,
    TooFew,
    busiest,
    one_core,
    one_encoder,
    one_ingress,
    plan,
)

SIZES = (1, 25, 100, 101, 1000, 1001, 10_000, 100_000)
SERVED = [
    *(("sam2.1_hiera_large", card) for card in SHARES),
    ("sam_vit_h", Card.L4),
    ("mobile_sam", Card.NONE),
    ("classical", Card.NONE),
    ("sam_vit_b", Card.NONE),
]
PARTS = ("decoders", "encoders", "ingresses", "fetchers")


@pytest.mark.parametrize(("model", "card"), SERVED)
@pytest.mark.parametrize("annotators", SIZES)
def test_every_part_carries_what_is_planned_for(annotators: int, model: str, card: Card) -> None:
    found = plan(annotators, model, card)
    assert found.annotators <= CELL
    assert annotators <= found.cells * found.annotators < annotators + found.cells
    for part in PARTS:
        assert found.carried(part) >= found.annotators
    demand = Demand(found.annotators)
    assert demand.clicks_s * INGRESS_S <= BUSY * found.ingresses
    assert demand.clicks_s * (MODELS[model].decode_s + HOP_S) <= BUSY * found.decoders * found.threads
    assert min(found.ingresses, found.decoders) >= 2


def test_one_decoder_fewer_would_be_too_few() -> None:
    for annotators in (100, 400, 1000):
        found = plan(annotators, "mobile_sam", Card.NONE)
        load = Demand(annotators).clicks_s * 0.05
        fewer = replace(found, decoders=found.decoders - 1)
        assert load > BUSY * fewer.decoders * fewer.threads or fewer.carried("decoders") < annotators


def test_what_one_of_each_carries() -> None:
    assert one_core("mobile_sam") == int(0.6 / 0.05 * 2)
    assert one_ingress() == 240
    assert one_encoder("sam2.1_hiera_large", Card.H100) == 3000
    assert one_encoder("mobile_sam", Card.NONE) == int(0.6 / 0.97 * 25)


@pytest.mark.slow
def test_the_busiest_decoder_is_as_busy_as_hashing_makes_it() -> None:
    """Against the hashing itself: each annotator has an image open, and its owner decodes all its clicks."""
    rng = random.Random(1)
    for annotators, decoders in ((100, 3), (1000, 11), (1000, 15)):
        owners = Rendezvous([f"slot {number}" for number in range(decoders)])
        found = []
        for _ in range(20):
            counts = dict.fromkeys((f"slot {number}" for number in range(decoders)), 0)
            for _ in range(annotators):
                counts[str(owners.first(f"{rng.getrandbits(160):040x}"))] += 1
            found.append(max(counts.values()) * decoders / annotators)
        assert mean(found) <= busiest(annotators, decoders) <= 1.15 * mean(found)


def test_the_busiest_decoder_has_room() -> None:
    found = plan(1000, "sam2.1_hiera_large", Card.H100)
    busy = Demand(1000).clicks_s * (MODELS[found.model].decode_s + HOP_S) / (found.decoders * found.threads)
    assert busy * busiest(1000, found.decoders) <= BUSIEST


def test_more_gpus_than_exist_are_a_sentence() -> None:
    with pytest.raises(
        TooFew, match=r"1000 annotators with sam2.1_hiera_large need 3 GPUs of the kind l4 and"
    ):
        plan(1000, "sam2.1_hiera_large", Card.L4, gpus=1)
    assert plan(1000, "sam2.1_hiera_large", Card.H100, gpus=1).encoders == 1
    assert plan(1000, "sam2.1_hiera_large", Card.H100, gpus=9).encoders == 2
    with pytest.raises(TooFew, match="need 30 GPUs"):
        plan(10_000, "sam2.1_hiera_large", Card.L4, gpus=29)
    with pytest.raises(TooFew, match="name them by --gpu"):
        plan(1, "mobile_sam", Card.NONE, gpus=1)


def test_what_was_not_measured_is_not_planned_with() -> None:
    with pytest.raises(NoFigures, match=r"no figure for sam2\.1_hiera_large without a GPU"):
        images_s("sam2.1_hiera_large", Card.NONE)
    with pytest.raises(NoFigures, match=r"mobile_sam on h100; .* sam_vit_h"):
        images_s("mobile_sam", Card.H100)


@pytest.mark.parametrize("card", Card)
def test_the_model_that_is_planned_by_itself_has_figures(card: Card) -> None:
    assert images_s(default_model(card), card) > 0
