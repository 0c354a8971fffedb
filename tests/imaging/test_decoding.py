from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageOps
from torch.nn import functional

from imaging.decoding import decode
from imaging.options import ImageOptions
from testing.image_files import SMALL, corners, encoded, quarters
from values.errors import ImageCorrupt, ImageError, ImageTooLarge, NotAnImage
from values.image import ModelSize

OPTIONS = ImageOptions()
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {"quality": 95}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("MPO", {"save_all": True, "append_images": [quarters()]}),
        ("AVIF", {"quality": 95}),
        ("ICO", {"sizes": [(40, 20)]}),
    ],
)
def test_every_format(kind: str, more: dict[str, Any]) -> None:
    pixels = decode(encoded(quarters(), kind, **more), SMALL, OPTIONS)
    assert (pixels.width, pixels.height) == (40, 20)
    assert pixels.rgb.shape == (16, 32, 3)
    assert pixels.rgb.dtype == np.uint8
    assert pixels.rgb.flags.c_contiguous
    assert pixels.rgb.flags.writeable
    assert corners(pixels.rgb) == [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (ModelSize(32), (16, 32)),
        (ModelSize(32, keep_aspect=False), (32, 32)),
        (ModelSize(64), (32, 64)),
        (ModelSize(64, enlarge=False), (20, 40)),
    ],
)
def test_model_sizes(size: ModelSize, shape: tuple[int, int]) -> None:
    assert decode(encoded(quarters()), size, OPTIONS).rgb.shape == (*shape, 3)


@pytest.mark.parametrize("side", [24, 64])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_fractions_are_what_rounding_takes_away(mode: str, side: int) -> None:
    data = encoded(quarters().convert(mode))
    whole = decode(data, ModelSize(side), OPTIONS).rgb
    exact = decode(data, ModelSize(side, fractions=True), OPTIONS).rgb
    assert exact.dtype == np.float32
    assert np.abs(exact - whole).max() <= 1
    assert (exact != exact.round()).any()


@pytest.mark.parametrize("size", [(320, 200), (1400, 900), (180, 2000)])
def test_fractions_are_those_of_sam_2s_own_resizing(size: tuple[int, int]) -> None:
    natural = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    ours = decode(
        encoded(Image.fromarray(natural)), ModelSize(1024, keep_aspect=False, fractions=True), OPTIONS
    )
    planes = torch.from_numpy(natural).permute(2, 0, 1)[None].float()
    theirs = functional.interpolate(planes, (1024, 1024), mode="bilinear", antialias=True)
    np.testing.assert_allclose(ours.rgb, theirs[0].permute(1, 2, 0).numpy(), atol=2e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_fractions_are_oriented_too(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encoded(quarters(), "PNG", exif=exif)
    whole, exact = (decode(data, ModelSize(40, fractions=fractions), OPTIONS) for fractions in (False, True))
    assert (whole.width, whole.height) == (exact.width, exact.height)
    np.testing.assert_array_equal(whole.rgb, exact.rgb)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encoded(quarters(), kind, exif=exif)
    pixels = decode(data, ModelSize(40), OPTIONS)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert (pixels.width, pixels.height) == shown.size
    assert (shown.size == (40, 20)) == (orientation < 5)
    assert corners(pixels.rgb) == corners(np.array(shown))


def test_orientation_that_browsers_ignore() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    for data in (encoded(quarters(), "WEBP", exif=exif), encoded(quarters(), "JPEG", xmp=xmp)):
        pixels = decode(data, SMALL, OPTIONS)
        assert (pixels.width, pixels.height) == (40, 20)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_turned_by_its_boxes(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    expected = decode(encoded(quarters(), "PNG", exif=exif), ModelSize(40), OPTIONS)
    # Pillow writes the orientation into the boxes and leaves it out of the EXIF.
    pixels = decode(encoded(quarters(), "AVIF", quality=95, exif=exif), ModelSize(40), OPTIONS)
    assert (pixels.width, pixels.height) == (expected.width, expected.height)
    assert corners(pixels.rgb) == corners(expected.rgb)


def test_an_avif_is_not_turned_by_its_exif() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ResolutionUnit] = 6
    data = encoded(quarters(), "AVIF", exif=exif)
    unit, orientation = (b"%c%c\0\3\0\0\0\1\0\6" % (1, tag) for tag in (0x28, 0x12))
    assert unit in data
    pixels = decode(data.replace(unit, orientation), SMALL, OPTIONS)
    assert (pixels.width, pixels.height) == (40, 20)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's word about damaged EXIF
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"?"]
)
def test_damaged_exif_does_not_hide_the_image(exif: bytes) -> None:
    assert decode(encoded(quarters(), "JPEG", exif=exif), SMALL, OPTIONS).width == 40


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_impossible_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = decode(encoded(quarters(), "JPEG", exif=exif), SMALL, OPTIONS)
    assert (pixels.width, pixels.height) == (40, 20)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(kind: str) -> None:
    values = np.array([[0, 1000, 30000, 40000, 65535, 128, 129, 385]], np.uint16)
    pixels = decode(encoded(Image.fromarray(values), kind), ModelSize(8), OPTIONS)
    # What Chromium draws of the same PNG.
    assert pixels.rgb[0, :, 0].tolist() == [0, 3, 117, 156, 255, 0, 0, 1]


def test_float_tiff_is_stretched() -> None:
    values = np.array([[-1.0, 0.0, 1.0, np.nan]], np.float32)
    pixels = decode(encoded(Image.fromarray(values), "TIFF"), ModelSize(4), OPTIONS)
    assert pixels.rgb[0, :, 0].tolist() == [0, 127, 255, 127]


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "PNG"), ("1", "PNG"), ("P", "PNG"), ("L", "JPEG"), ("P", "GIF"), ("CMYK", "JPEG")],
)
def test_other_modes_become_rgb(mode: str, kind: str) -> None:
    pixels = decode(encoded(quarters().convert(mode), kind), SMALL, OPTIONS)
    assert pixels.rgb.shape == (16, 32, 3)
    if mode in {"P", "CMYK"}:
        assert corners(pixels.rgb) == [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_white(mode: str) -> None:
    image = quarters().convert("RGBA")
    image.putalpha(0)
    data = encoded(image.convert(mode), "TIFF" if mode == "PA" else "PNG")
    assert decode(data, SMALL, OPTIONS).rgb.min() == 255


def test_a_transparent_colour_is_white() -> None:
    palette = encoded(quarters().convert("P"), "GIF", transparency=quarters().convert("P").getpixel((0, 0)))
    assert corners(decode(palette, SMALL, OPTIONS).rgb)[0] == (255, 255, 255)
    keyed = encoded(quarters(), "PNG", transparency=RED)
    assert corners(decode(keyed, SMALL, OPTIONS).rgb) == [(255, 255, 255), GREEN, BLUE, YELLOW]


def test_hidden_colours_do_not_bleed() -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 32, 64))
    rgb = decode(encoded(image), ModelSize(24), OPTIONS).rgb
    assert rgb[..., 0].min() == 255


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_the_first_frame_counts(kind: str) -> None:
    other = Image.new("RGB", (40, 20), "white")
    data = encoded(quarters(), kind, save_all=True, append_images=[other])
    assert corners(decode(data, SMALL, OPTIONS).rgb) == [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize(("width", "height"), [(256, 192), (257, 191), (1003, 517)])
def test_scaled_jpeg_decoding_is_close_to_full_decoding(width: int, height: int) -> None:
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 30) * 120 + 128, np.cos(y / 25) * 120 + 128, (x + y) % 256], axis=2)
    data = encoded(Image.fromarray(waves.astype(np.uint8)), "JPEG", quality=95)
    size = ModelSize(64)
    full = Image.open(io.BytesIO(data)).resize(size.scaled(width, height), Image.Resampling.BILINEAR)
    ours = decode(data, size, OPTIONS)
    assert (ours.width, ours.height) == (width, height)
    assert np.abs(ours.rgb[..., :2].astype(int) - np.array(full)[..., :2]).mean() < 1.5


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "ICO", "TIFF"])
def test_every_truncation_is_an_image_error(kind: str) -> None:
    data = encoded(quarters(), kind)
    for length in range(0, len(data) - 4, max(1, len(data) // 50)):
        try:
            decode(data[:length], SMALL, OPTIONS)
        except (ImageCorrupt, NotAnImage):
            continue
        except ImageTooLarge:
            pytest.fail("a short file is not a large one")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "AVIF", "ICO"])
def test_half_a_file_is_corrupt(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(ImageCorrupt):
        decode(data[: len(data) // 2], SMALL, OPTIONS)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "ICO", "TIFF"])
def test_flipped_bytes_never_surprise(kind: str) -> None:
    data = bytearray(encoded(quarters(), kind))
    random = np.random.default_rng(1)
    for _ in range(60):
        broken = bytearray(data)
        for place in random.integers(0, len(data), 4):
            broken[place] = int(random.integers(0, 256))
        try:
            decode(bytes(broken), SMALL, ImageOptions(max_image_megapixels=1))
        except ImageError:
            continue


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "a web page"),
        (b"\xef\xbb\xbf\n <HTML>", "a web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b'{"detail": "Not found."}', "JSON"),
        (b"[1, 2]", "JSON"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture.*convert it to JPEG"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "a camera's raw file"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"PK\3\4", "a zip archive"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"RIFF\0\0\0\0WAVEfmt ", "sound"),
        (b"\x1a\x45\xdf\xa3", "a video"),
        (bytes(128) + b"DICM", "a DICOM file"),
        (b"a.png".ljust(257, b"\0") + b"ustar", "a tar archive"),
        (b"P6 40 20 255\n", "a portable pixmap"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS.*git lfs pull"),
        (b"hello", "text, often an error message"),
        ("höchstens".encode(), "of an unknown kind"),
        (b"\1\2\3", "of an unknown kind"),
    ],
)
def test_what_is_not_an_image_is_named(data: bytes, kind: str) -> None:
    with pytest.raises(NotAnImage, match=f"what came is {kind}.*; images are read as JPEG, PNG, WEBP, AVIF"):
        decode(data, SMALL, OPTIONS)


@pytest.mark.parametrize("kind", ["PPM", "TGA", "PCX", "ICNS", "JPEG2000", "EPS"])
def test_formats_outside_the_list_are_refused(kind: str) -> None:
    try:
        data = encoded(quarters(64, 64), kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow does not write {kind}")
    with pytest.raises(NotAnImage):
        decode(data, SMALL, OPTIONS)


def test_an_empty_file() -> None:
    with pytest.raises(ImageCorrupt, match="empty"):
        decode(b"", SMALL, OPTIONS)


def test_the_size_is_checked_before_decoding() -> None:
    few = ImageOptions(max_image_megapixels=0.0007)
    for kind in ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF"):
        with pytest.raises(ImageTooLarge, match=r"40 x 20 pixels.*MAX_IMAGE_MEGAPIXELS"):
            decode(encoded(quarters(), kind), SMALL, few)


def _png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises ``width`` x ``height``."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(100_000, 100_000), (12_000, 9_000), (70_000, 1), (2**31 - 1, 1)]
)
def test_bombs(width: int, height: int) -> None:
    with pytest.raises(ImageTooLarge):
        decode(_png_claiming(width, height), SMALL, OPTIONS)


def test_extreme_aspects() -> None:
    assert decode(encoded(quarters(3000, 2)), SMALL, OPTIONS).rgb.shape == (1, 32, 3)
    assert decode(encoded(quarters(2, 3000)), SMALL, OPTIONS).rgb.shape == (32, 1, 3)
    assert decode(encoded(Image.new("RGB", (1, 1), "red")), SMALL, OPTIONS).rgb.shape == (32, 32, 3)
