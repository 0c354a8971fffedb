"""PNG: for each picture a map of classes and a map of objects.

``classes/NAME.png`` has 0 for the background and the class + 1 elsewhere, 8 bits up to 255 classes, else 16.
``objects/NAME.png`` has 16 bits: 0, and for each object its place among the picture's in ``pictures.jsonl``,
from 1. Where objects lie on each other the later one, which Label Studio draws on top, is seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exports.file_names import stem_of
from exports.formats.format import Format, within
from exports.output_folder import ExportError
from exports.pictures import Picture

MOST = 2**16 - 1
"""Objects of a picture, and classes."""


class Png(Format):
    """Writes both maps."""

    def add(self, picture: Picture, name: str, part: str) -> None:
        """Write the maps of a picture."""
        if picture.size is None:
            raise ValueError("PNG needs the size of a picture")
        highest = max((each.class_id + 1 for each in picture.objects), default=0)
        if max(highest, len(picture.objects)) > MOST:
            raise ExportError(f"task {picture.task}: a PNG has no room for over {MOST} objects or classes")
        width, height = picture.size
        classes = np.zeros((height, width), np.uint16)
        objects = np.zeros((height, width), np.uint16)
        for number, each in enumerate(picture.objects, 1):
            on = each.shape.runs.mask()
            classes[on] = each.class_id + 1
            objects[on] = number
        file = f"{stem_of(name)}.png"
        self._save(within(part, f"objects/{file}"), objects)
        self._save(within(part, f"classes/{file}"), classes if highest > 255 else classes.astype(np.uint8))

    def _save(self, name: str, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
        with self._output.new_file(name) as file:
            Image.fromarray(pixels).save(file, "PNG", compress_level=3)
