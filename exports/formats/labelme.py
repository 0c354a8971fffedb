"""LabelMe: a JSON file for each picture, as https://github.com/wkentaro/labelme opens it beside the picture.

Masks are shapes of type ``mask``, a PNG of their box, so that holes and parts are kept as they are; what was
drawn as a polygon, a rectangle or an ellipse is a polygon or a rectangle, whose points can be moved.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from exports.file_names import stem_of
from exports.formats.format import Format, size_of, within
from exports.pictures import Object, Picture

Json = Any
VERSION = "5.5.0"
"""Of LabelMe's files; LabelMe 6.3 reads them."""


class LabelMe(Format):
    """Writes a file for each picture."""

    def add(self, picture: Picture, name: str, part: str) -> None:
        """Write the file of a picture."""
        width, height = size_of(picture)
        content: Json = {
            "version": VERSION,
            "flags": {},
            "shapes": [_shape(each) for each in picture.objects],
            "imagePath": name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        self._output.write_json(within(part, f"{stem_of(name)}.json"), content)

    def image_path(self, name: str, part: str) -> str:
        """Beside its JSON."""
        return within(part, name)


def _shape(each: Object) -> Json:
    shape = each.shape
    common: Json = {"label": each.label, "group_id": None, "description": each.region, "flags": {}}
    left, top, right, bottom = shape.box
    if shape.ring is None:
        # The box of a mask has both corners' pixels in it.
        box = [[left, top], [right - 1, bottom - 1]]
        return {**common, "shape_type": "mask", "points": box, "mask": _mask_png(each)}
    if shape.upright:
        points = [[round(left, 2), round(top, 2)], [round(right, 2), round(bottom, 2)]]
        return {**common, "shape_type": "rectangle", "points": points, "mask": None}
    points = np.round(shape.parts(0.5)[0].ring if shape.crosses else shape.ring, 2).tolist()
    return {**common, "shape_type": "polygon", "points": points, "mask": None}


def _mask_png(each: Object) -> str:
    left, top, right, bottom = (int(edge) for edge in each.shape.box)
    on = each.shape.runs.mask()[top:bottom, left:right]
    stream = io.BytesIO()
    Image.fromarray(on.astype(np.uint8) * 255).save(stream, "PNG", compress_level=3)
    return base64.b64encode(stream.getvalue()).decode("ascii")
