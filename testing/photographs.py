"""Photographs that scikit-image ships inside its wheel, with the outlines of things in them drawn by hand.

Nothing is downloaded. The outlines are polygons in pixels, accurate to about two pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray

_Outline = tuple[tuple[float, float], ...]


class Thing(NamedTuple):
    """One thing in a photograph: ``file`` in skimage's folder, ``name``, ``outline`` as (x, y) pixels."""

    file: str
    name: str
    outline: _Outline


def _ellipse(x: float, y: float, rx: float, ry: float, degrees: float = 0.0) -> _Outline:
    turn = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    tilt = np.deg2rad(degrees)
    dx, dy = rx * np.cos(turn), ry * np.sin(turn)
    points = np.stack(
        [x + dx * np.cos(tilt) - dy * np.sin(tilt), y + dx * np.sin(tilt) + dy * np.cos(tilt)], axis=1
    )
    return tuple((float(px), float(py)) for px, py in points)


THINGS: tuple[Thing, ...] = (
    Thing("coffee.png", "cup opening", _ellipse(290.5, 112.5, 118, 94, 6)),
    Thing("coffee.png", "coffee", (
        (203, 142), (206, 130), (215, 116), (228, 104), (250, 97), (280, 95), (310, 97), (335, 105),
        (352, 117), (364, 132), (369, 148), (368, 163), (352, 180), (325, 191), (300, 194), (270, 192),
        (240, 182), (215, 162),
    )),
    Thing("coffee.png", "spoon bowl", (
        (373, 236), (384, 240), (398, 254), (406, 270), (403, 288), (393, 306), (378, 319), (360, 325),
        (345, 321), (333, 307), (327, 290), (327, 272), (334, 258), (350, 246), (362, 240),
    )),
    Thing("astronaut.png", "mission patch", _ellipse(170.6, 385.4, 37, 37)),
    Thing("astronaut.png", "name tag", ((279.5, 340), (329.5, 346.5), (326, 377), (281.5, 372))),
    Thing("astronaut.png", "fuel tank and orbiter", (
        (409, 1), (399, 12), (395, 40), (386, 40), (382, 58), (381, 100), (378, 178), (364, 198),
        (354, 220), (368, 228), (386, 228), (366, 272), (380, 266), (392, 244), (405, 254), (413, 238),
        (436, 232), (438, 262), (457, 268), (456, 233), (455, 215), (455, 60), (447, 40), (439, 52),
        (436, 30), (427, 8), (418, 0),
    )),
    Thing("rocket.jpg", "rocket", (
        (322, 127), (328, 132), (333, 145), (334, 177), (336, 186), (336, 250), (332, 255), (332, 405),
        (312, 405), (311, 186), (311, 140), (316, 131),
    )),
    Thing("chelsea.png", "left eye", (
        (139, 100), (142, 91), (152, 87), (166, 86), (180, 90), (192, 97), (200, 106), (203, 117),
        (202, 130), (196, 139), (186, 144), (172, 145), (158, 141), (147, 130), (140, 117),
    )),
    Thing("chelsea.png", "right eye", (
        (306, 124), (316, 115), (330, 111), (341, 112), (342, 123), (340, 136), (333, 149), (322, 160),
        (310, 162), (300, 158), (296, 148), (297, 136),
    )),
    Thing("chelsea.png", "nose", (
        (241, 231), (252, 228), (270, 228), (285, 230), (291, 234), (286, 241), (276, 248), (267, 258),
        (257, 262), (251, 254), (247, 242),
    )),
    Thing("coins.png", "large coin", _ellipse(347.5, 186.5, 32, 31)),
    Thing("coins.png", "middle coin", _ellipse(102, 195.5, 22, 21)),
    Thing("coins.png", "dark coin", _ellipse(46.5, 260.5, 28, 27.5)),
    Thing("camera.png", "tower", (
        (412, 131), (414, 125), (420, 130), (421, 119), (431, 120), (432, 133), (433, 192), (412, 192),
    )),
    Thing("motorcycle_left.png", "red tank", (
        (322, 229), (345, 205), (378, 184), (410, 168), (440, 161), (468, 163), (478, 172), (484, 190),
        (484, 205), (470, 228), (459, 240), (430, 238), (400, 237), (370, 241), (345, 248),
    )),
    Thing("motorcycle_left.png", "seat", (
        (149, 158), (165, 163), (196, 168), (232, 171), (246, 171), (268, 192), (296, 195), (335, 188),
        (355, 189), (356, 198), (340, 211), (322, 228), (300, 243), (268, 258), (255, 247), (240, 232),
        (222, 220), (195, 211), (165, 209), (154, 200), (147, 180),
    )),
)  # fmt: skip


def photographs() -> list[tuple[str, NDArray[np.uint8], NDArray[np.bool_]]]:
    """(name, HxWx3 uint8 RGB, HxW bool truth) of every thing."""
    folder = Path(skimage.__file__).parent / "data"
    return [_load(folder, thing) for thing in THINGS]


def _load(folder: Path, thing: Thing) -> tuple[str, NDArray[np.uint8], NDArray[np.bool_]]:
    bgr = cv2.imread(str(folder / thing.file), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(f"{thing.file} is not among the images that scikit-image ships")
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(np.array(thing.outline)).astype(np.int32)], (1,))
    return f"{thing.file.split('.')[0]}: {thing.name}", rgb, mask.astype(np.bool_)
