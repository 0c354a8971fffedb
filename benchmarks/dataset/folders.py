"""A folder of images and a folder of PNG masks with the same names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.dataset.things import NoThings, Picture, Thing, Told, image_limits, shuffled
from exports.run_lengths import RunLengths

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".gif", ".ico", ".tif", ".tiff"))

MOST_VALUES = 2000
"""Things in one mask. Photographs that are taken for masks have more values."""

_UNPAIRED = 3  # names that are told


@dataclass(frozen=True, slots=True)
class MaskFolder:
    """``images`` and ``masks``: folders; folders in them are looked through as well."""

    images: Path
    masks: Path

    def pictures(self, told: Told) -> Iterator[Picture]:
        """The pairs. Raises NoThings where there is none."""
        images, masks = images_in(self.images), _by_stem(self.masks, frozenset((".png",)))
        if self.images.resolve() == self.masks.resolve():
            raise NoThings(f"--images and --masks are both {self.images}; put the masks into another folder")
        both = images.keys() & masks.keys()
        if not both:
            raise NoThings(
                f"none of the {len(images)} images in {self.images} has a mask of its name among the "
                f"{len(masks)} PNG files in {self.masks}; cat.jpg is paired with cat.png"
            )
        alone = sorted(images.keys() ^ masks.keys())
        if alone:
            told.leave_out(
                f"{len(alone)} images and masks have no partner, such as {', '.join(alone[:_UNPAIRED])}"
            )
        for stem in shuffled(both):
            try:
                yield Picture(stem, images[stem], instances(masks[stem]))
            except _BadMask as error:
                told.leave_out(f"{masks[stem]}: {error}")


class _BadMask(Exception):
    """A file that is no mask; the text is the end of a sentence that begins with its name."""


def images_in(folder: Path) -> dict[str, Path]:
    """The images of a folder by their paths in it without suffix. Raises NoThings, OSError."""
    return _by_stem(folder, SUFFIXES)


def instances(path: Path) -> list[Thing]:
    """The things of a mask, one for each value above 0. Raises _BadMask."""
    values = _values(path)
    found = np.unique(values)
    numbers = [int(number) for number in found if number]
    if not numbers:
        raise _BadMask("the mask is empty: all of it is 0")
    if len(numbers) > MOST_VALUES:
        raise _BadMask(
            f"it has {len(numbers)} values, and each would be a thing; is it a photograph, or a mask with "
            "smooth edges?"
        )
    return [Thing(f"value {number}", RunLengths.of(values == number)) for number in numbers]


def _values(path: Path) -> NDArray[np.uint32]:
    """A number for each pixel: what is stored, of colours all channels as one; 0 where nothing is opaque."""
    limit = image_limits().max_image_megapixels
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.width * image.height > limit * 1e6:
                raise _BadMask(f"it has more than {limit:g} megapixels (MAX_IMAGE_MEGAPIXELS)")
            stored = np.asarray(image)
    except _BadMask:
        raise
    except Exception:
        # Broken files make Pillow raise nearly anything: OSError, SyntaxError, struct.error, IndexError.
        raise _BadMask("it is no PNG that can be read") from None
    if stored.ndim == 2:
        return stored.astype(np.uint32)
    channels = stored.shape[2]
    opaque = stored[..., -1] > 0 if channels in (2, 4) else np.ones(stored.shape[:2], np.bool_)
    values = np.zeros(stored.shape[:2], np.uint32)
    for channel in range(channels - (channels in (2, 4))):
        values = values << 8 | stored[..., channel]
    return np.where(opaque, values, 0).astype(np.uint32)


def _by_stem(folder: Path, suffixes: frozenset[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise NoThings(f"{folder} is no folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in suffixes or not path.is_file():
            continue
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise NoThings(f"{found[stem]} and {path} have one name: which of them belongs to its mask?")
        found[stem] = path
    return found
