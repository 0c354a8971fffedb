"""How large a picture may be: one limit for files, for what a browser says it shows, and for masks of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

SIDE_LIMIT = 65_535
"""Most pixels of a picture's side."""


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
