from __future__ import annotations

import pytest
from pydantic import ValidationError

from protocol.controls import OUTPUT_ORDER
from protocol.options import ReadOptions, RegionOptions


def test_defaults_and_comma_separated_order() -> None:
    assert ReadOptions().output_order == OUTPUT_ORDER
    options = ReadOptions.model_validate({"output_order": "PolygonLabels, BrushLabels"})
    assert options.output_order == ("PolygonLabels", "BrushLabels")


@pytest.mark.parametrize("order", ["", "Choices", "BrushLabels,brushlabels"])
def test_refuses_tags_that_take_no_masks(order: str) -> None:
    with pytest.raises(ValidationError):
        ReadOptions.model_validate({"output_order": order})


def test_bounds() -> None:
    with pytest.raises(ValidationError):
        RegionOptions(polygon_epsilon=-1)
    with pytest.raises(ValidationError):
        RegionOptions(mask_smoothing=0.06)
    with pytest.raises(ValidationError):
        RegionOptions(mask_fill_holes=1.1)
    with pytest.raises(ValidationError):
        ReadOptions.model_validate({"multi_box": "first"})


def test_ellipses_take_masks_where_they_are_listed() -> None:
    assert not {"EllipseLabels", "Ellipse"} & set(ReadOptions().output_order)
    options = ReadOptions.model_validate({"output_order": "EllipseLabels,Ellipse"})
    assert options.output_order == ("EllipseLabels", "Ellipse")
