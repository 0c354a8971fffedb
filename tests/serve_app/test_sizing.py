"""The sums of memory, and the figures that they are made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from segmenters.models import ARCHITECTURES, MODELS
from serve_app import sizing
from serve_app.app import DEPLOYMENTS
from serve_app.settings import Settings
from serve_app.sizing import machine_mib, replica_mib, replicas, store_mib

PREPARED = {"edgetam": 0, "sam_hq_vit_tiny": sizing.FINER, "sam_hq_vit_h": sizing.FINER}
"""Models in docs/performance.md whose decoder holds what it computed of an image; what is booked besides."""

PERFORMANCE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"

APPLICATION: dict[str, Any] = {
    "deployments": [
        {"name": "Ingress"},
        {"name": "Fetcher", "max_ongoing_requests": 8, "autoscaling_config": {"max_replicas": 2}},
        {"name": "Encoder", "max_ongoing_requests": 16, "autoscaling_config": {"max_replicas": 3}},
        {
            "name": "Decoder",
            "num_replicas": "auto",
            "autoscaling_config": {"min_replicas": 2, "max_replicas": 4},
        },
        {"name": "Journal", "num_replicas": 1},
    ]
}
SETTINGS = Settings(model="sam_vit_b", workers=2, cache_mib=1000, refine_mib=10, prepared_mib=90)
KEPT = 1000 + 10 + 90 + sizing.PREPARING


def test_replicas_at_least_and_at_most() -> None:
    least = {"Ingress": 2, "Fetcher": 1, "Encoder": 1, "Decoder": 2, "Journal": 1}
    assert replicas(APPLICATION, SETTINGS, "min_replicas") == least
    assert replicas(APPLICATION, SETTINGS, "max_replicas") == least | {
        "Fetcher": 2,
        "Encoder": 3,
        "Decoder": 4,
    }


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_deployment_takes_something(name: str) -> None:
    assert replica_mib(name, SETTINGS) > 100


def test_what_a_decoder_keeps_is_its_own_memory() -> None:
    less = SETTINGS.model_copy(update={"cache_mib": 500, "refine_mib": 5})
    assert replica_mib("Decoder", SETTINGS) - replica_mib("Decoder", less) == 505
    assert replica_mib("Decoder", SETTINGS) == sizing.DECODER + KEPT
    unprepared = SETTINGS.model_copy(update={"prepared_mib": 0})
    assert replica_mib("Decoder", unprepared) == sizing.DECODER + 1010
    assert store_mib(APPLICATION, SETTINGS, "max_replicas") == store_mib(APPLICATION, less, "max_replicas")


def test_a_decoder_of_hq_sam_takes_more() -> None:
    light, mobile = (
        SETTINGS.model_copy(update={"model": name}) for name in ("sam_hq_vit_tiny", "mobile_sam")
    )
    assert replica_mib("Decoder", light) - replica_mib("Decoder", mobile) == sizing.FINER


def test_the_object_store_holds_what_is_on_its_way() -> None:
    assert store_mib(APPLICATION, SETTINGS, "min_replicas") == 8 * 3 + 16 * (3 + 4)
    sam2 = SETTINGS.model_copy(update={"model": "sam2.1_hiera_tiny"})
    assert store_mib(APPLICATION, sam2, "max_replicas") == 16 * 12 + 48 * (12 + 16)


def test_a_machine_carries_it_all() -> None:
    own = 2 * sizing.INGRESS + sizing.FETCHER + 2 * (sizing.DECODER + KEPT) + sizing.JOURNAL
    own += 1739 + sizing.ENCODED
    assert machine_mib(APPLICATION, SETTINGS, "min_replicas") == sizing.RAY + own + 8 * 3 + 16 * (3 + 4)


@pytest.mark.parametrize(
    ("encoder", "size"),
    [("sam_vit_h", "sam_vit_h"), ("mobile_sam", "mobile_sam"), ("a.onnx", sizing.UNNAMED)],
)
def test_the_encoder_of_onnx_takes_what_it_takes_elsewhere(encoder: str, size: str) -> None:
    onnx = SETTINGS.model_copy(update={"model": "onnx", "onnx_encoder": encoder})
    assert replica_mib("Encoder", onnx) == MODELS[size].encoder_mib + sizing.ENCODED


def test_an_encoder_on_a_gpu_takes_more_of_the_machine() -> None:
    on_gpu = {"name": "Encoder", "max_ongoing_requests": 16, "ray_actor_options": {"num_gpus": 0.5}}
    others = [each for each in APPLICATION["deployments"] if each["name"] != "Encoder"]
    more = machine_mib({"deployments": [*others, on_gpu]}, SETTINGS, "min_replicas")
    assert more - machine_mib(APPLICATION, SETTINGS, "min_replicas") == sizing.GPU_PROCESS - sizing.ENCODED


def test_the_encoders_figures_are_those_that_were_measured() -> None:
    """The larger one of two sizes of a model that differ by noise."""
    rows = re.findall(
        r"^\| `([\w.]+)` \|.*\| (\d+) MiB \| (\d+) MiB \|$", PERFORMANCE.read_text(), re.MULTILINE
    )
    measured = {name: int(encoder) for name, encoder, _ in rows}
    # Others have the network of one of these.
    assert set(measured) == {architecture.like for architecture in ARCHITECTURES.values()}
    assert all(measured[name] <= MODELS[name].encoder_mib <= 1.05 * measured[name] for name in measured)
    decoders = {name: int(decoder) for name, _, decoder in rows}
    assert all(decoders[name] <= sizing.DECODER for name in decoders if name not in PREPARED)
    for name, more in PREPARED.items():
        assert decoders[name] <= sizing.DECODER + sizing.PREPARING + more


def test_a_detector_takes_a_process_and_room_in_each_decoder() -> None:
    finds = SETTINGS.model_copy(update={"finder": "owlv2_base"})
    finder = replica_mib("Finder", finds)
    assert finder > sizing.FINDER + 155 * 3.5
    assert replica_mib("Decoder", finds) - replica_mib("Decoder", SETTINGS) == finds.found_mib
    more = machine_mib(APPLICATION, finds, "min_replicas") - machine_mib(
        APPLICATION, SETTINGS, "min_replicas"
    )
    assert more == finder + 2 * finds.found_mib
    two = {"deployments": [*APPLICATION["deployments"], {"name": "Finder", "num_replicas": 2}]}
    assert machine_mib(two, finds, "min_replicas") - machine_mib(APPLICATION, finds, "min_replicas") == finder
