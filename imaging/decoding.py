"""From the bytes of a file to pixels at model size, as a browser shows them.

Annotators click on what their browser draws, so sizes and orientation must be the browser's (as seen in
Chromium 150): the EXIF orientation of JPEG and PNG is applied, that of WebP and of XMP is not, and AVIF is
turned by its own boxes; 16-bit PNGs keep their upper byte; of an animation, the first frame counts, of an
icon the largest picture. TIFF, which browsers do not draw, is taken as Pillow shows it. Embedded colour
profiles are not applied: segmenters were trained without them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from imaging.file_bytes import FileBytes
from imaging.formats import ICON, PNG_SIGNATURE, kind_of, largest_picture, without_ancillary
from values.errors import ImageCorrupt, ImageError, ImageTooLarge, NotAnImage
from values.image import ModelSize, Pixels
from values.options import SIDE_LIMIT

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "ICO", "TIFF")
"""The only formats ever tried; every other decoder that Pillow has is out of an attacker's reach."""

# EXIF orientation -> what undoes it, after the EXIF 2.3 standard.
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Of AVIF, Pillow says as EXIF what the boxes irot and imir are, whatever its EXIF says.
_ORIENTED_BY_BROWSERS = frozenset({"JPEG", "MPO", "PNG", "AVIF"})
_SCALED_BY_DCT = frozenset({"JPEG", "MPO"})
_READ_FORWARDS = frozenset({"PNG", "JPEG"})

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", ICON, *_TIFF)


class Limits(Protocol):
    """The settings that decoding needs."""

    @property
    def max_image_megapixels(self) -> float:
        """Most megapixels of one image."""


Turn = Callable[[int], AbstractContextManager[object]]
"""From an image's number of pixels to a context that is held while it is decoded."""


def decode(data: bytes | bytearray, size: ModelSize, options: Limits, turn: Turn = nullcontext) -> Pixels:
    """The pixels of an image file at model size.

    Width and height are checked in the header, before anything is decoded. Where the format allows, a large
    ``bytearray`` is emptied while it is decoded, to save memory. Raises NotAnImage, ImageTooLarge or
    ImageCorrupt, whose sentences complete "cannot read the image of task 42: ...".
    """
    try:
        return _decoded(largest_picture(data) if data.startswith(ICON) else data, size, options, turn)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise _unidentified(data) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageTooLarge(f"it has more than {options.max_image_megapixels:g} megapixels") from None
    except MemoryError:
        raise ImageTooLarge(
            "decoding it takes more memory than an image of the limit may have (MAX_IMAGE_MEGAPIXELS)"
        ) from None
    except Exception:
        # Broken files make Pillow raise nearly anything: OSError, SyntaxError, struct.error, IndexError.
        raise _damaged(data) from None


def _decoded(data: bytes | bytearray, size: ModelSize, options: Limits, turn: Turn) -> Pixels:
    try:
        return _opened(data, size, options, turn)
    except (ImageError, MemoryError):
        raise
    except Exception:
        lighter = without_ancillary(data) if data.startswith(PNG_SIGNATURE) else None
        if lighter is None:
            raise
        return _opened(lighter, size, options, turn)


def _opened(data: bytes | bytearray, size: ModelSize, options: Limits, turn: Turn) -> Pixels:
    with Image.open(file := FileBytes(data), formats=FORMATS) as image:
        _check_size(image, options)
        with turn(image.width * image.height):
            if image.format in _READ_FORWARDS:
                file.use_up()
            return _pixels(image, size)


def _check_size(image: Image.Image, options: Limits) -> None:
    width, height = image.size
    if width * height > options.max_image_megapixels * 1e6 or max(width, height) > SIDE_LIMIT:
        raise ImageTooLarge(
            f"it has {width} x {height} pixels and the limit is {options.max_image_megapixels:g} megapixels "
            "(MAX_IMAGE_MEGAPIXELS)"
        )


def _unidentified(data: bytes | bytearray) -> ImageError:
    if not data:
        return ImageCorrupt("the file is empty")
    named = data[8:12] == b"WEBP" if data.startswith(b"RIFF") else data[4:12] in (b"ftypavif", b"ftypavis")
    if named or data.startswith(_SIGNATURES):
        return _damaged(data)
    return NotAnImage(f"what came is {kind_of(data)}; images are read as {', '.join(FORMATS)}")


def _damaged(data: bytes | bytearray) -> ImageCorrupt:
    if data.startswith(_TIFF):
        return ImageCorrupt(
            "the file is damaged, or a TIFF of a kind that is not read (by its channels or its compression); "
            "export it as PNG or JPEG"
        )
    return ImageCorrupt("the file is damaged or cut short; export or upload it again")


def _pixels(image: Image.Image, size: ModelSize) -> Pixels:
    undo = _UNDO.get(_orientation(image))
    turned = undo in {
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
    }
    stored_width, stored_height = image.size
    width, height = (stored_height, stored_width) if turned else (stored_width, stored_height)
    scaled_width, scaled_height = size.scaled(width, height)
    # Resize first and turn then: turning the large image would take longer and more memory.
    target = (scaled_height, scaled_width) if turned else (scaled_width, scaled_height)
    if size.fractions:
        planes = [_turned(plane, undo) for plane in _planes(image, target)]
        return Pixels(np.stack([np.asarray(plane, np.float32) for plane in planes], -1), width, height)
    small = _turned(_on_white(_resized(image, target)), undo)
    return Pixels(np.array(small, np.uint8), width, height)


def _turned(image: Image.Image, undo: Image.Transpose | None) -> Image.Image:
    return image if undo is None else image.transpose(undo)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8 where browsers go by it, else 1. Not ``getexif``, which also believes XMP."""
    written = image.info.get("exif")
    if image.format not in _ORIENTED_BY_BROWSERS or not isinstance(written, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(written)
        orientation = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1  # browsers show images with damaged EXIF as they are stored
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _resized(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    """The image at ``target`` (width, height), as L, RGB or RGBA.

    Pillow's antialiased bilinear is what Segment Anything's own pre-processing uses.
    """
    plain, box = _drafted(image, target)
    if plain.size == target:
        return plain
    return plain.resize(target, Image.Resampling.BILINEAR, box=box)


def _planes(image: Image.Image, target: tuple[int, int]) -> list[Image.Image]:
    """Red, green and blue at ``target`` (width, height) in floats, where resizing rounds nothing.

    The same antialiased bilinear: what ``torch.nn.functional.interpolate`` computes for SAM 2's authors.
    """
    plain, box = _drafted(image, target)
    planes = [plane.convert("F") for plane in _on_white(plain).split()]
    if plain.size == target:
        return planes
    return [plane.resize(target, Image.Resampling.BILINEAR, box=box) for plane in planes]


_Box = tuple[float, float, float, float]


def _drafted(image: Image.Image, target: tuple[int, int]) -> tuple[Image.Image, _Box | None]:
    """The image as L, RGB or RGBA, and the part of it to resize.

    A JPEG of at least twice the size of ``target`` is decoded at 1/2, 1/4 or 1/8 by its DCT, which saves most
    of the time.
    """
    box: _Box | None = None
    if image.format in _SCALED_BY_DCT:
        drafted = image.draft(None, target)
        # Where a side is no multiple of the scale, the picture ends a little inside the scaled image.
        box = drafted[1] if drafted is not None else None
    return _eight_bits(image), box


def _eight_bits(image: Image.Image) -> Image.Image:
    image.load()
    if image.mode.startswith("I;16"):
        # The upper byte, as browsers do. Pillow's own conversion would turn everything over 255 white.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in {"I", "F"}:
        return Image.fromarray(_stretched(np.asarray(image)))
    if image.mode in {"L", "RGB"} and not image.has_transparency_data:
        return image
    # Resizing RGBA weighs colours by their alpha, so that hidden colours do not bleed into visible ones.
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _stretched(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """32-bit integers and floats as 0..255 from darkest to brightest, because they define no white."""
    # In place: an image of the largest size allowed is hundreds of megabytes in floats.
    numbers = values.astype(np.float32)
    np.nan_to_num(numbers, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    numbers -= low
    numbers *= 255.0 / max(high - low, 1e-12)
    return numbers.astype(np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    """RGB with transparent parts on white, the colour of a page.

    What a file stores under full transparency is arbitrary, often black, and no annotator has seen it.
    """
    if image.mode != "RGBA":
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")
