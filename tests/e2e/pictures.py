"""Pictures of the docs: screenshots that are small, with rings around what they are about."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Locator

from tests.e2e.annotator import SCREENSHOTS, Annotator

RING = (230, 20, 90)
ROOM = 6  # pixels between a ring and what it is around
WIDTH = 1080
COLOURS = 256


def take(annotator: Annotator, name: str, *about: Locator, height: int | None = None) -> None:
    """The page down to ``height`` as ``name`` among the screenshots, a ring around each of ``about``."""
    path = SCREENSHOTS / name
    annotator.screenshot(path)
    picture = Image.open(path).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for each in about:
        box: Any = each.bounding_box()
        left, top = box["x"] - ROOM, box["y"] - ROOM
        right, bottom = box["x"] + box["width"] + ROOM, box["y"] + box["height"] + ROOM
        draw.rounded_rectangle((left, top, right, bottom), 10, outline=RING, width=4)
    if height is not None:
        picture = picture.crop((0, 0, picture.width, height))
    picture.thumbnail((WIDTH, WIDTH))
    # The method that leaves no rare colour out, such as that of a small spot.
    picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
