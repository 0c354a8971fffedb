"""Things in photographs that packages ship, outlined by hand, in two sets that share no photograph.

``outlines.json`` has an outline a line, as (x, y) pixels, accurate to about two pixels; the photographs
themselves stay in their packages, and NOTICE has their licences. The tuned set has the things of
``testing.photographs`` besides. ``motorcycle_right`` shows what ``motorcycle_left`` does from a step aside;
other things are outlined in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from testing.photographs import photographs

_OUTLINES = Path(__file__).with_name("outlines.json")
_DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


class Outlined(NamedTuple):
    """``name``: such as ``flower: bloom``. ``rgb``: HxWx3 uint8. ``truth``: HxW bool."""

    name: str
    rgb: NDArray[np.uint8]
    truth: NDArray[np.bool_]


def outlined(chosen: str) -> Iterator[Outlined]:
    """The things of a set, "tuned" or "reported".

    Raises FileNotFoundError where a package with photographs is missing.
    """
    if chosen == "tuned":
        for name, rgb, truth in photographs():
            yield Outlined(name, rgb, truth)
    for each in json.loads(_OUTLINES.read_text(encoding="utf-8")):
        if each["set"] == chosen:
            file = photograph_file(each["package"], each["file"])
            rgb = _read(file)
            mask = np.zeros(rgb.shape[:2], np.uint8)
            cv2.fillPoly(mask, [np.rint(np.array(each["outline"])).astype(np.int32)], (1,))
            yield Outlined(f"{file.stem}: {each['name']}", rgb, mask.astype(np.bool_))


def photograph_file(package: str, file: str) -> Path:
    """Where a package keeps a photograph. Raises FileNotFoundError where it has none."""
    found = find_spec(package)
    folders = [] if found is None else list(found.submodule_search_locations or ())
    for folder in folders:
        path = Path(folder) / file
        if path.is_file():
            return path
    raise FileNotFoundError(f"{_DISTRIBUTIONS[package]} with its {file}: see requirements-dev.txt")


@cache
def _read(file: Path) -> NDArray[np.uint8]:
    bgr = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(f"{file} is no image")
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    rgb.flags.writeable = False
    return rgb
