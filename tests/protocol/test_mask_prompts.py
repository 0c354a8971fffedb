from __future__ import annotations

import base64
import io
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from protocol import bitmask, brush_rle
from protocol.drawings import LONG_SIDE, Drawn, check_png, png_bytes
from protocol.mask_prompts import from_png, from_polygon, from_rle
from values.errors import BadPrompt

MASK = np.zeros((60, 90), np.bool_)
MASK[10:40, 20:70] = True
BOX = [20 / 90, 10 / 60, 70 / 90, 40 / 60]


def url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return data_url(buffer.getvalue())


def data_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def from_url(url: str, width: int, height: int, *, by_alpha: bool) -> Drawn:
    return from_png(png_bytes(url), width, height, by_alpha=by_alpha)


def assert_is_mask(drawn: Drawn) -> None:
    assert drawn.box.tolist() == BOX
    assert drawn.box.dtype == np.float64
    assert drawn.mask is not None
    assert drawn.mask.dtype == np.float32
    assert (drawn.mask == MASK).all()


def rgba(colour: tuple[int, int, int]) -> Image.Image:
    pixels = np.zeros((*MASK.shape, 4), np.uint8)
    pixels[MASK] = (*colour, 255)
    return Image.fromarray(pixels)


def test_brush() -> None:
    assert_is_mask(from_rle(brush_rle.encode(MASK).tobytes(), 90, 60))


def test_bitmask_is_on_where_opaque() -> None:
    assert_is_mask(from_url(bitmask.data_url(MASK), 90, 60, by_alpha=True))
    assert_is_mask(from_url(url(rgba((0, 0, 0))), 90, 60, by_alpha=True))
    assert_is_mask(from_url(url(Image.fromarray(MASK.astype(np.uint8) * 255)), 90, 60, by_alpha=True))


def test_mask_data_url_is_on_where_its_first_channel_is() -> None:
    assert_is_mask(from_url(url(rgba((255, 0, 0))), 90, 60, by_alpha=False))
    assert_is_mask(from_url(url(Image.fromarray(MASK)), 90, 60, by_alpha=False))
    with pytest.raises(BadPrompt, match="empty"):
        from_url(url(rgba((0, 255, 255))), 90, 60, by_alpha=False)


@pytest.mark.parametrize("size", [(3000, 2000), (2000, 3000), (5000, 7)])
def test_large_masks_are_kept_small(size: tuple[int, int]) -> None:
    width, height = size
    mask = np.zeros((height, width), np.bool_)
    mask[: height // 2] = True
    for drawn in (
        from_rle(brush_rle.encode(mask).tobytes(), width, height),
        from_polygon(np.array([[0, 0], [1, 0], [1, height // 2 / height], [0, height // 2 / height]]), *size),
    ):
        assert drawn.mask is not None
        assert max(drawn.mask.shape) == LONG_SIDE
        assert drawn.box.tolist() == [0, 0, 1, height // 2 / height]
        assert float(drawn.mask.mean()) == pytest.approx(0.5, abs=1.01 / drawn.mask.shape[0])


@given(st.lists(st.tuples(st.floats(0, 90), st.floats(0, 60)), min_size=3, max_size=8))
def test_a_polygons_mask_stays_within_its_box(points: list[tuple[float, float]]) -> None:
    try:
        drawn = from_polygon(np.array(points) / (90, 60), 90, 60)
    except BadPrompt:
        return
    assert drawn.mask is not None
    rows, columns = np.nonzero(drawn.mask)
    x0, y0, x1, y1 = drawn.box * (90, 60, 90, 60)
    assert (columns >= x0 - 1).all()
    assert (columns <= x1 + 1).all()
    assert (rows >= y0 - 1).all()
    assert (rows <= y1 + 1).all()


def header_of(width: int, height: int) -> bytes:
    """A PNG that claims a size it does not hold."""
    good = bytearray(bitmask.png(MASK))
    good[16:24] = struct.pack(">II", width, height)
    return bytes(good)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "not a PNG in a data URL"),
        ("http://example.org/a.png", "not a PNG in a data URL"),
        ("data:image/png,AAAA", "not a PNG in a data URL"),
        ("data:image/png;base64,!!", "not base64"),
        ("data:image/png;base64,\u00e9", "not base64"),
        (data_url(b"GIF89a" + bytes(40)), "holds no PNG"),
        (data_url(b"\x89PNG\r\n\x1a\n"), "holds no PNG"),
        (bitmask.data_url(MASK[1:]), "90 x 59 pixels, its image 90 x 60"),
        (data_url(header_of(2**31 - 1, 2**31 - 1)), "2147483647 x 2147483647"),
        (data_url(header_of(90, 60)[:60]), "does not decode"),
        (data_url(bitmask.png(MASK)[:33] + b"\xff" * 50), "does not decode"),
        (bitmask.data_url(np.zeros_like(MASK)), "empty"),
    ],
)
def test_refuses_damaged_pngs(given: str, sentence: str) -> None:
    with pytest.raises(BadPrompt, match=sentence):
        from_url(given, 90, 60, by_alpha=True)


def test_empty_brush() -> None:
    with pytest.raises(BadPrompt, match="empty"):
        from_rle(brush_rle.encode(np.zeros_like(MASK)).tobytes(), 90, 60)


def test_hostile_claims_allocate_nothing() -> None:
    # A run of 65536 in an RLE that claims 2**32 - 4 bytes; a PNG that claims 2**31 x 2**31 pixels.
    rle = b"\xff\xff\xff\xfc" + brush_rle.encode(np.ones((600, 900), np.bool_)).tobytes()[4:]
    png = data_url(header_of(2**31 - 1, 2**31 - 1))
    tracemalloc.start()
    with pytest.raises(BadPrompt):
        from_rle(rle, 90, 60)
    with pytest.raises(BadPrompt):
        from_url(png, 90, 60, by_alpha=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_polygon_matches_a_raster_of_the_same_shape() -> None:
    corners: NDArray[np.float64] = np.array([[10.0, 5], [80, 12], [55, 50], [20, 45]])
    drawn = from_polygon(corners / (90, 60), 90, 60)
    fine = np.zeros((600, 900), np.uint8)
    cv2.fillPoly(fine, [(corners * 10).astype(np.int32)], 1)
    truth = fine.reshape(60, 10, 90, 10).mean(axis=(1, 3)) > 0.5
    assert drawn.mask is not None
    on = drawn.mask > 0
    assert (on & truth).sum() / (on | truth).sum() > 0.93


def rgba16(width: int, height: int) -> bytes:
    """A white PNG of 8 bytes a pixel."""
    rows = b"\0" + b"\xff" * 8 * width
    good = bytearray(bitmask.png(np.ones((height, width), np.bool_)))
    head = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows * height)), (b"IEND", b"")]
    return bytes(good[:8]) + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bits", "rgba16", "rle"])
def test_reading_a_large_mask_takes_little_beside_the_decoded_picture(name: str) -> None:
    """Beside Pillow's own memory, which is not traced and at most 4 bytes a pixel."""
    side = 3000
    whole = np.ones((side, side), np.bool_)
    png = data_url(rgba16(side, side)) if name == "rgba16" else bitmask.data_url(whole)
    rle = brush_rle.encode(whole).tobytes()
    del whole
    tracemalloc.start()
    drawn = from_rle(rle, side, side) if name == "rle" else from_url(png, side, side, by_alpha=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert drawn.mask is not None
    assert drawn.mask.min() > 1 - 1e-6
    assert peak < 3 * side**2


def test_a_mask_is_shrunk_as_a_whole_though_it_is_read_in_strips() -> None:
    """2,011 rows in strips of 349, onto 343 rows: the strips' borders are within rows of the prompt."""
    on = np.random.default_rng(0).random((2011, 3001)) < 0.2
    drawn = from_url(bitmask.data_url(on), 3001, 2011, by_alpha=True)
    whole = cv2.resize(on.astype(np.float32), (512, 343), interpolation=cv2.INTER_AREA)
    assert drawn.mask is not None
    np.testing.assert_allclose(drawn.mask, whole, atol=1e-4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_masks_of_every_kind_of_png(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(MASK.astype(np.uint16))  # one of 65,535 levels is on
    else:
        image = Image.fromarray(MASK.astype(np.uint8) * 255).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(MASK.astype(np.uint8) * 255))
    assert_is_mask(from_url(url(image), 90, 60, by_alpha=False))


def test_a_line_thinner_than_a_pixel_of_the_prompt_is_not_lost() -> None:
    line = np.array([[0.1, 0.5], [0.9, 0.5], [0.9, 0.50001]])
    drawn = from_polygon(line, 4000, 3000)
    assert drawn.mask is not None
    assert np.count_nonzero(drawn.mask.any(axis=0)) >= 400


def test_only_so_much_memory_is_decoded_from_a_png() -> None:
    """29 KiB of PNG may have 350 MiB of pixels. What the editor could send of any picture, grey, passes."""
    width, height = 9434, 9434
    for depth, color, passes in (
        *((8, 0, True), (1, 3, True), (16, 0, False), (8, 2, False), (8, 4, False), (8, 6, False)),
    ):
        header = bytearray(header_of(width, height))
        header[24:26] = depth, color
        if passes:
            check_png(bytes(header), width, height)
            continue
        with pytest.raises(BadPrompt, match="over 112 MiB; send it grey"):
            from_png(bytes(header), width, height, by_alpha=True)
