"""What the options of several floors share: how a variable is read, how large a picture or a grid may be."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SIDE_LIMIT = 65_535
"""Most pixels of a picture's side."""

GRID_LIMIT = 128
"""Most points along a side of a grid: 16,384 clicks, a quarter of an hour of one core."""


def unset_if_blank(value: Any) -> Any:
    """A variable that is set but empty, as compose files leave them, means: not set."""
    return (value.strip() or None) if isinstance(value, str) else value


def split_commas(value: Any) -> Any:
    """Text such as `a, b` becomes ("a", "b"), empty parts left out; anything but a string stays as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class PixelLimit(BaseModel):
    """The limit as a setting, for the options of every floor that meets pictures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_image_megapixels: float = Field(
        default=89,
        gt=0,
        le=178,
        description="Most megapixels (width x height / 10^6) of one image, checked before it is decoded, of"
        " what a request says that the browser shows, and of drawn masks. Decoding takes 4 to 16 bytes of"
        " memory a pixel; Pillow itself refuses above 178.",
    )

    @property
    def max_pixels(self) -> int:
        """``max_image_megapixels`` in pixels."""
        return round(self.max_image_megapixels * 1e6)


class EverythingOptions(BaseModel):
    """The grid, and which of its masks are kept. The names in brackets are those of SAM's mask generator."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    everything_points: int | None = Field(
        default=None,
        ge=1,
        le=GRID_LIMIT,
        description="`preannotate --everything` and `RETRIEVE=everything`: clicks along each side of the grid"
        " over a picture (`points_per_side`). Without it 32, or 16 with the model without weights.",
    )
    everything_iou: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Of their masks those are kept that the model rates higher, as its estimate of the IoU"
        " (`pred_iou_thresh`). Without it what the model's publisher takes: .88 for SAM, .8 for SAM 2.",
    )
    everything_stability: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="And that are as stable as this: the area with logits over 1 by the area with logits over"
        " -1, at the picture's size (`stability_score_thresh`).",
    )
    everything_overlap: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="Of two masks whose boxes have a larger IoU than this the model's favourite is kept"
        " (`box_nms_thresh`).",
    )
    everything_min_area: int = Field(
        default=0,
        ge=0,
        le=10**6,
        description="Parts and holes of such a mask with fewer pixels than this are removed"
        " (`min_mask_region_area`); 0 leaves all.",
    )
