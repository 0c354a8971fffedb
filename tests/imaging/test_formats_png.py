from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import ExifTags, Image

from imaging.decoding import decode
from imaging.formats import PNG_SIGNATURE, without_ancillary
from imaging.options import ImageOptions
from testing import crafted_files
from testing.crafted_files import chunk
from testing.image_files import SMALL, corners, encoded, quarters
from values.errors import ImageCorrupt, ImageTooLarge

PNG = encoded(quarters())
AFTER_HEADER = len(PNG_SIGNATURE) + 25
SHOWN = decode(PNG, SMALL, ImageOptions())
CONTENTS = {
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"tEXt": b"Comment\0hello",
    b"zTXt": b"Comment\0\0" + crafted_files.zeros(10),
    b"iTXt": b"Comment\0\0\0\0\0hello",
    b"iCCP": b"name\0\0" + crafted_files.zeros(10),
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": bytes(32),
    b"sRGB": b"\0",
    b"tIME": bytes(7),
    b"acTL": struct.pack(">II", 2, 0),
    b"eXIf": b"MM\0*\0\0\0\x08\0\0\0\0\0\0",
    b"abCd": b"anything",
}


def damaged(whole: bytes) -> bytes:
    """A chunk whose checksum is wrong."""
    return whole[:-1] + bytes([whole[-1] ^ 1])


def with_chunk(made: bytes, data: bytes = PNG) -> bytes:
    return data[:AFTER_HEADER] + made + data[AFTER_HEADER:]


@pytest.mark.parametrize("name", CONTENTS, ids=bytes.decode)
def test_a_wrong_checksum_beside_the_pixels_hides_nothing(name: bytes) -> None:
    for place in (AFTER_HEADER, len(PNG) - 12):
        data = PNG[:place] + damaged(chunk(name, CONTENTS[name])) + PNG[place:]
        np.testing.assert_array_equal(decode(data, SMALL, ImageOptions()).rgb, SHOWN.rgb)


@pytest.mark.parametrize(
    "name", [b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"zTXt", b"acTL"], ids=bytes.decode
)
def test_a_chunk_that_says_nothing_hides_nothing(name: bytes) -> None:
    np.testing.assert_array_equal(decode(with_chunk(chunk(name, b"")), SMALL, ImageOptions()).rgb, SHOWN.rgb)


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE"], ids=bytes.decode)
def test_a_wrong_checksum_of_what_must_be_understood_is_damage(name: bytes) -> None:
    data = encoded(quarters().convert("P"))
    start = data.index(name)
    (length,) = struct.unpack(">I", data[start - 4 : start])
    last = start + 4 + length + 3
    with pytest.raises(ImageCorrupt, match="damaged or cut short"):
        decode(data[:last] + bytes([data[last] ^ 1]) + data[last + 1 :], SMALL, ImageOptions())


def test_what_changes_the_picture_is_kept() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    broken = damaged(chunk(b"tEXt", b"a\0b"))
    turned = with_chunk(broken, encoded(quarters(), exif=exif))
    assert (decode(turned, SMALL, ImageOptions()).width, SHOWN.width) == (20, 40)
    keyed = with_chunk(broken, encoded(quarters(), transparency=(255, 0, 0)))
    assert corners(decode(keyed, SMALL, ImageOptions()).rgb)[0] == (255, 255, 255)


def test_what_changes_the_picture_is_not_believed_when_it_is_damaged() -> None:
    data = with_chunk(damaged(chunk(b"tRNS", struct.pack(">HHH", 255, 0, 0))))
    assert corners(decode(data, SMALL, ImageOptions()).rgb)[0] == (255, 0, 0)


def test_limits_hold_all_the_same() -> None:
    broken = damaged(chunk(b"pHYs", bytes(9)))
    large = crafted_files.png_of(crafted_files.header(40_000, 40_000), chunk(b"IDAT", b""))
    with pytest.raises(ImageTooLarge):
        decode(with_chunk(broken, large), SMALL, ImageOptions())
    with pytest.raises(ImageCorrupt):
        decode(with_chunk(broken)[:-40], SMALL, ImageOptions())


def test_a_png_without_anything_to_leave_out() -> None:
    assert without_ancillary(PNG) is None
    assert without_ancillary(PNG_SIGNATURE) is None
    assert without_ancillary(PNG[:-5]) is None


def test_what_is_behind_the_end_stays() -> None:
    behind = chunk(b"tEXt", b"a\0b")
    assert without_ancillary(PNG + behind) is None
    assert without_ancillary(with_chunk(behind) + behind) == PNG + behind
