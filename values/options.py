"""What the options of several floors share: how a variable is read, and how large a picture may be."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SIDE_LIMIT = 65_535
"""Most pixels of a picture's side."""


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
