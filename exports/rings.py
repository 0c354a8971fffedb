"""Rings: cut at a picture's edges, and several made one by lines of no width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exports.filling import Ring


def signed_area(ring: Ring) -> float:
    """Half the cross products of its points: positive where x turns towards y."""
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def clipped(ring: Ring, width: int, height: int) -> Ring:
    """What of a ring is in a picture (Sutherland and Hodgman); no points where nothing is.

    A part that is cut in two keeps a line of no width along the picture's edge.
    """
    if (ring >= 0).all() and (ring <= (width, height)).all():
        return ring
    for axis, limit, sign in ((0, 0, 1), (0, width, -1), (1, 0, 1), (1, height, -1)):
        ring = _cut(ring, axis, float(limit), sign)
    return ring


def _cut(ring: Ring, axis: int, limit: float, sign: int) -> Ring:
    """The part of a ring where ``sign`` x (its coordinate - ``limit``) is not negative."""
    if not len(ring):
        return ring
    depth = sign * (ring[:, axis] - limit)
    inside, before = depth >= 0, np.roll(depth, 1)
    crosses = inside != (before >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (before / (before - depth))[:, None]
        met = np.roll(ring, 1, axis=0) * (1 - share) + ring * share
    met[:, axis] = limit
    # The place where the edge meets the limit comes before the edge's end.
    both = np.stack([met, ring], axis=1).reshape(-1, 2)
    kept: Ring = both[np.stack([crosses, inside], axis=1).ravel()]
    return kept


def joined(rings: Sequence[Ring]) -> Ring:
    """One ring around several, each tied to the others by a line of no width there and back.

    Formats with one ring an object, YOLO's among them, take an object in several parts so: any fill rule
    leaves the line empty. Each further ring is tied where it is nearest to those before.
    """
    whole, rest = rings[0], list(rings[1:])
    while rest:
        near = [_nearest(whole, ring) for ring in rest]
        number = min(range(len(rest)), key=lambda each: near[each][0])
        _, at, there = near[number]
        ring = np.roll(rest.pop(number), -there, axis=0)
        whole = np.concatenate([whole[: at + 1], ring, ring[:1], whole[at:]])
    return whole


def _nearest(one: Ring, other: Ring) -> tuple[float, int, int]:
    """(squared distance, index, index) of two near points, found by going to and fro between the rings.

    Comparing all with all takes seconds for outlines of ten thousand points; nearly the nearest will do.
    """
    there = 0
    at = -1
    while True:
        found = int(_distances(one, other[there]).argmin())
        if found == at:
            break
        at = found
        there = int(_distances(other, one[at]).argmin())
    return float(_distances(one, other[there])[at]), at, there


def _distances(ring: Ring, point: NDArray[np.float64]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = ((ring - point) ** 2).sum(axis=1)
    return distances
