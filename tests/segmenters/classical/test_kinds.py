"""Each kind of thing that is hard to find, on small pictures of those that the segmenter is tuned on.

``python -m benchmarks.classical`` has more and larger pictures, photographs, and the reported set.
"""

from __future__ import annotations

import statistics

import pytest

from segmenters.classical.segmenter import Classical
from testing.pointing import Annotator, tight_box
from testing.still_lifes.kinds import KINDS
from testing.still_lifes.still_life import still_life

SIZE = (320, 240)
NUMBERS = (3, 4, 5)
BOX = 0.9

FLOORS = {
    "shaded": 0.9,
    "two-tone": 0.95,
    "textured": 0.95,
    "large": 0.97,
    "small": 0.88,
    "touching": 0.3,
    "cut": 0.96,
    "dull on busy": 0.9,
    "with shadow": 0.93,
}
"""Mean IoU of one click. Who makes the segmenter better raises them."""


def test_every_kind_has_a_floor() -> None:
    assert FLOORS.keys() == KINDS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_one_click_and_a_box_find_what_they_found(kind: str) -> None:
    clicked, boxed = [], []
    for number in NUMBERS:
        life = still_life(kind, "tuned", number, SIZE)
        annotator = Annotator(Classical(), life.rgb, life.truth)
        clicked.append(annotator.ask(1, None)[0])
        boxed.append(annotator.ask(0, tight_box(life.truth))[0])
    assert statistics.fmean(clicked) >= FLOORS[kind], clicked
    assert statistics.fmean(boxed) >= BOX, boxed
