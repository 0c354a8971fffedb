"""Readers of data sets by the letter of each format, which know nothing of how those are written."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Json = Any
Mask = NDArray[np.bool_]
Points = NDArray[np.float64]


def coco_mask(segmentation: Json, width: int, height: int) -> Mask:
    """The mask of a COCO annotation, of run lengths or of polygons."""
    if isinstance(segmentation, dict):
        assert segmentation["size"] == [height, width]
        return _from_counts(_counts(segmentation["counts"]), width, height)
    mask = np.zeros((height, width), np.bool_)
    for numbers in segmentation:
        mask |= filled([np.reshape(numbers, (-1, 2))], width, height)
    return mask


def _counts(text: str) -> list[int]:
    """Numbers of five bits a character, the lowest first; the sixth bit says that more come."""
    counts: list[int] = []
    value = shift = 0
    for character in text.encode("ascii"):
        bits = character - 48
        assert 0 <= bits < 64
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts


def _from_counts(counts: list[int], width: int, height: int) -> Mask:
    assert sum(counts) == width * height
    flat = np.zeros(width * height, np.bool_)
    at = 0
    for number, count in enumerate(counts):
        flat[at : at + count] = number % 2 == 1
        at += count
    return flat.reshape(width, height).T


def yolo_lines(path: Path) -> list[tuple[int, Points]]:
    """(class, numbers) of each line of a label file; numbers Nx2, fractions of the picture."""
    rows = [line.split() for line in path.read_text().splitlines()]
    assert all(len(row) % 2 == 1 for row in rows), "a class, and pairs"
    assert all(0 <= float(number) <= 1 for row in rows for number in row[1:])
    return [(int(row[0]), np.array(row[1:], np.float64).reshape(-1, 2)) for row in rows]


def labelme_mask(shape: Json, width: int, height: int) -> Mask:
    """The mask of a shape of LabelMe."""

    points = np.array(shape["points"])
    if shape["shape_type"] == "polygon":
        return filled([points], width, height)
    if shape["shape_type"] == "rectangle":
        (x0, y0), (x1, y1) = points
        return filled([np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])], width, height)
    assert shape["shape_type"] == "mask"
    png = np.frombuffer(base64.b64decode(shape["mask"]), np.uint8)
    part: Mask = np.asarray(cv2.imdecode(png, cv2.IMREAD_UNCHANGED)) > 0
    (left, top), (right, bottom) = points.astype(int)
    mask = np.zeros((height, width), np.bool_)
    mask[top : bottom + 1, left : right + 1] = part
    return mask


def geojson_mask(geometry: Json, width: int, height: int) -> Mask:
    """The mask of a feature's geometry."""
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    mask = np.zeros((height, width), np.bool_)
    for rings in polygons:
        assert all(ring[0] == ring[-1] for ring in rings), "the last point is the first"
        mask |= filled([np.array(ring) for ring in rings], width, height)
    return mask


def filled(rings: list[Points], width: int, height: int) -> Mask:
    """The pixels whose middle is inside an odd number of times, found by a ray from each."""
    mask = np.zeros((height, width), np.bool_)
    x = np.arange(width) + 0.5
    edges = np.concatenate([np.concatenate([ring, np.roll(ring, -1, axis=0)], axis=1) for ring in rings])
    for row in range(height):
        y = row + 0.5
        x0, y0, x1, y1 = edges[(edges[:, 1] <= y) != (edges[:, 3] <= y)].T
        meets = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
        mask[row] = (x[:, None] > meets).sum(axis=1) % 2 == 1
    return mask


def lines(path: Path) -> list[Json]:
    """The objects of a file of lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
