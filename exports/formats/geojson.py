"""GeoJSON (RFC 7946): for each picture a FeatureCollection, an object a feature.

Coordinates are pixels, x to the right and y down, in place of degrees, as image viewers such as QuPath take
them. A part of an object is a polygon whose holes are rings of their own; several parts are a MultiPolygon.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from exports.file_names import stem_of
from exports.filling import Ring
from exports.formats.format import Format, within
from exports.pictures import Object, Picture
from exports.rings import signed_area
from protocol.polygons import Part

Json = Any


class GeoJson(Format):
    """Writes a file for each picture."""

    needs_size = False

    def add(self, picture: Picture, name: str, part: str) -> None:
        """Write the file of a picture."""
        collection = {
            "type": "FeatureCollection",
            "picture": name,
            "task_id": picture.task,
            "features": [self._feature(each) for each in picture.objects],
        }
        self._output.write_json(within(part, f"{stem_of(name)}.geojson"), collection)

    def _feature(self, each: Object) -> Json:
        polygons = [_polygon(part) for part in each.shape.traced(self._options.tolerance)]
        several = len(polygons) != 1
        return {
            "type": "Feature",
            "id": each.region,
            "geometry": {
                "type": "MultiPolygon" if several else "Polygon",
                "coordinates": polygons if several else polygons[0],
            },
            "properties": {
                "class_id": each.class_id,
                "label": each.label,
                "classification": {"name": each.label},
                "area": each.shape.runs.area,
            },
        }


def _polygon(part: Part) -> list[Json]:
    return [_closed(part.outer, 1), *(_closed(hole, -1) for hole in part.holes)]


def _closed(ring: Ring, turn: int) -> Json:
    """A ring whose last point is its first, running the way that the standard wants."""
    if signed_area(ring) * turn < 0:
        ring = ring[::-1]
    return np.round(np.concatenate([ring, ring[:1]]), 2).tolist()
