from __future__ import annotations

import struct
from typing import Any

import pytest
from PIL import Image

from imaging.decoding import decode
from imaging.formats import largest_picture
from imaging.options import ImageOptions
from testing import crafted_files
from testing.image_files import SMALL, corners, encoded, quarters
from values.errors import ImageCorrupt, ImageTooLarge

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def icon(*pictures: tuple[tuple[int, int, int], bytes]) -> bytes:
    """An icon of pictures, each with the width, height and bits that the icon says."""
    head, body = struct.pack("<HHH", 0, 1, len(pictures)), b""
    start = len(head) + 16 * len(pictures)
    for (width, height, bits), content in pictures:
        head += struct.pack("<BBBBHHII", width, height, 0, 0, 1, bits, len(content), start + len(body))
        body += content
    return head + body


def bitmap(image: Image.Image) -> bytes:
    whole = encoded(image, "ICO", sizes=[image.size], bitmap_format="bmp")
    return whole[22:]


def shown(data: bytes) -> Any:
    return decode(data, SMALL, ImageOptions())


@pytest.mark.parametrize("kind", ["png", "bmp"])
def test_the_largest_is_shown(kind: str) -> None:
    data = encoded(quarters(64, 32), "ICO", sizes=[(16, 8), (64, 32), (32, 16)], bitmap_format=kind)
    assert (shown(data).width, shown(data).height) == (64, 32)
    assert corners(shown(data).rgb) == [RED, GREEN, BLUE, YELLOW]


def test_of_those_as_large_the_one_with_most_colours_is_shown() -> None:
    grey = encoded(Image.new("L", (40, 20)))
    data = icon(((40, 20, 8), grey), ((40, 20, 32), encoded(quarters())), ((40, 20, 4), grey))
    assert corners(shown(data).rgb) == [RED, GREEN, BLUE, YELLOW]


def test_a_zero_means_256() -> None:
    assert shown(icon(((0, 0, 32), encoded(quarters(256, 256))))).width == 256


def test_transparency_is_white() -> None:
    hidden = quarters().convert("RGBA")
    hidden.putalpha(0)
    for data in (icon(((40, 20, 32), encoded(hidden))), icon(((40, 20, 32), bitmap(hidden)))):
        assert shown(data).rgb.min() == 255


@pytest.mark.parametrize(
    "content",
    [
        crafted_files.png(5000, 5000),
        crafted_files.png_of(crafted_files.header(2**31 - 1, 2**31 - 1)),
        struct.pack("<IiiHHIIiiII", 40, 30_000, 60_000, 1, 32, 0, 0, 0, 0, 0, 0),
        struct.pack("<IiiHHIIiiII", 40, -40, 40, 1, 32, 0, 0, 0, 0, 0, 0),
        struct.pack("<IiiHHIIiiII", 39, 40, 40, 1, 32, 0, 0, 0, 0, 0, 0),
        b"",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_a_picture_of_another_size_is_not_decoded(content: bytes) -> None:
    data = icon(((40, 20, 32), content))
    with (
        pytest.raises(ValueError, match=r"size|kind")
        if content[8:]
        else pytest.raises((ValueError, struct.error))
    ):
        largest_picture(data)
    with pytest.raises(ImageCorrupt, match="damaged or cut short"):
        shown(data)


@pytest.mark.parametrize("data", [b"\0\0\1\0", icon(), icon()[:5], struct.pack("<HHH", 0, 1, 65_535)])
def test_an_icon_without_pictures(data: bytes) -> None:
    with pytest.raises(ImageCorrupt):
        shown(data)


def test_a_directory_of_65535_that_are_all_the_same() -> None:
    content = encoded(quarters())
    head = struct.pack("<HHH", 0, 1, 65_535)
    entry = struct.pack("<BBBBHHII", 40, 20, 0, 0, 1, 32, len(content), 6 + 16 * 65_535)
    assert shown(head + entry * 65_535 + content).width == 40


def test_the_limit_of_pixels_holds() -> None:
    with pytest.raises(ImageTooLarge):
        decode(encoded(quarters(64, 32), "ICO"), SMALL, ImageOptions(max_image_megapixels=0.0001))
