"""Every setting of this folder, with its bounds."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from protocol.controls import OUTPUT_ORDER, OUTPUT_TAGS
from values.options import PixelLimit, split_commas

Retrieve: TypeAlias = Literal["boxes", "everything", "find", "none"]


class ReadOptions(PixelLimit):
    """How a request becomes a click."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    multi_box: Literal["last", "each"] = Field(
        default="last",
        description="Several boxes in one request: `last` gives one region, of the newest box and all clicks;"
        " `each` gives one region for each box, with the clicks inside it.",
    )
    retrieve: Retrieve = Field(
        default="boxes",
        description="What *Retrieve predictions* answers, and a task that is opened: `boxes` gives masks for"
        " rectangles and ellipses that annotations or predictions have; `everything` lays a grid of clicks"
        " over each picture, which takes up to minutes; `find` looks for what the labels of the labeling"
        " config name, with the detector of `finder`; `none` gives nothing.",
    )
    output_order: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = Field(
        default=OUTPUT_ORDER,
        min_length=1,
        description="Control tags that may take a mask, comma-separated, the preferred first. Tags without"
        " `Labels` at their end go with the project's `<Labels>` control. `EllipseLabels` and `Ellipse`"
        " take one where they are listed.",
    )

    @field_validator("output_order")
    @classmethod
    def _known_tags(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for tag in value:
            if tag not in OUTPUT_TAGS:
                raise ValueError(f"{tag!r} takes no masks; known are {', '.join(OUTPUT_TAGS)}")
        return value


class RegionOptions(BaseModel):
    """How a mask becomes regions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    polygon_epsilon: float = Field(
        default=0.001,
        ge=0,
        le=0.1,
        description="How far a polygon may run from the mask's outline, as a share of the image's long side:"
        " larger gives fewer points.",
    )
    polygon_min_part: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="Parts and holes of a mask smaller than this share of its largest part get no polygon.",
    )
    polygon_max_parts: int = Field(
        default=50, ge=1, le=1000, description="Polygons that one mask may become, the largest parts first."
    )
    rectangle_rotated: bool = Field(
        default=False,
        description="A rectangle is the smallest one around the mask, turned as that needs; else the smallest"
        " upright one.",
    )
    mask_smoothing: float = Field(
        default=0,
        ge=0,
        le=0.05,
        description="Spikes, dents and parts of a mask narrower than about this share of the image's long"
        " side are evened out, and corners rounded; 0 leaves the border as the model draws it.",
    )
    mask_fill_holes: float = Field(
        default=0,
        ge=0,
        le=1,
        description="Holes of a mask are filled, up to this share of its area with all holes filled, but none"
        " that a negative click is in; 1 fills all, 0 none.",
    )
    mask_largest_part: bool = Field(
        default=False,
        description="Of a mask in several parts only the largest is kept, and those that a positive click is"
        " on.",
    )
