from __future__ import annotations

from pathlib import Path

import pytest

from segmenters.automatic.filters import SAM, Filters, HasNature, nature_of
from segmenters.checkpoints.locate import Checkpoint
from segmenters.classical.segmenter import Classical
from segmenters.models import ARCHITECTURES
from segmenters.sam.execution import Execution
from segmenters.sam.segmenter import SegmentAnything
from values.options import EverythingOptions


def model(name: str) -> SegmentAnything:
    return SegmentAnything(name, Checkpoint(Path("a.pt"), "0" * 64, None, name), Execution(), Path())


@pytest.mark.parametrize(
    ("name", "iou"),
    [
        ("sam_vit_b", 0.88),
        ("tinysam", 0.88),
        ("sam2.1_hiera_tiny", 0.8),
        ("edgetam", 0.8),
        ("sam_hq_vit_h", 0.88),
    ],
)
def test_the_defaults_are_those_of_the_publishers_generator(name: str, iou: float) -> None:
    assert name in ARCHITECTURES
    assert Filters.of(model(name), EverythingOptions()) == Filters(iou, 0.95, 1.0, 0.7, 0, 0.0)


def test_settings_change_them() -> None:
    options = EverythingOptions(
        everything_iou=0.5, everything_stability=0.9, everything_overlap=0.6, everything_min_area=20
    )
    assert Filters.of(model("mobile_sam"), options) == Filters(0.5, 0.9, 1.0, 0.6, 20)
    assert Filters.of(Classical(), options).iou == 0.5


def test_the_built_in_model_asks_for_no_stability_and_clicks_nothing_twice() -> None:
    filters = Filters.of(Classical(), EverythingOptions())
    assert filters.offset == 0
    assert filters.covers > 0


def test_its_grid_is_coarser() -> None:
    assert nature_of(Classical()).points < nature_of(model("mobile_sam")).points == 32


def test_a_model_that_says_nothing_is_taken_for_sam() -> None:
    class Silent:
        name = version = "silent"

    assert not isinstance(Silent(), HasNature)
    assert Filters.of(Silent(), EverythingOptions()).iou == SAM.iou  # type: ignore[arg-type]
