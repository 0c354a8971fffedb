"""The detector whose answer is known: a word finds the spots of its colour, each once, where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from finders.detector import Detector
from finders.matches import match
from finders.queries import Queries, example
from segmenters.options import ModelOptions
from testing.weights import colour_detector
from values.found import Found
from values.image import Pixels

SPOTS = [("red", 3, 4), ("red", 10, 8), ("green", 16, 3), ("blue", 20, 12), ("red", 20, 4)]


@pytest.mark.slow
def test_words_and_examples_find_what_has_their_colour(tmp_path: Path) -> None:
    colour_detector.write(tmp_path)
    detector = Detector(colour_detector.model(), ModelOptions(model_dir=tmp_path), "cpu")
    rgb = colour_detector.picture(SPOTS)
    small = rgb.reshape(64, 10, 96, 10, 3).mean((1, 3))
    [kept] = detector.load_encoder(1).encode([Pixels(small.astype(np.float32), 960, 640)])
    found = Found.from_embedding(kept)
    phrases = detector.load_phrases(1)
    for name in colour_detector.COLOURS:
        expected = {(x, y) for colour, x, y in SPOTS if colour == name}
        queries = Queries.of(list(phrases.vectors([name])), [0])
        assert _places(match(found, queries, 0.2).boxes) == expected
    like = Queries.of([example(found, np.array([9.5 / 24, 7.5 / 16, 10.5 / 24, 8.5 / 16]))], [0])
    assert _places(match(found, like, 0.2).boxes) == {(3, 4), (10, 8), (20, 4)}
    house = Queries.of(list(phrases.vectors(["house"])), [0])
    assert len(match(found, house, 0.2)) == 0


def _places(boxes: NDArray[np.float32]) -> set[tuple[int, int]]:
    """The middles of boxes as large as a patch, in patches."""
    patches = boxes.reshape(-1, 2, 2) * (24, 16)
    assert np.allclose(patches[:, 1] - patches[:, 0], 1, atol=0.1)
    middles = patches.mean(1)
    assert np.allclose(middles, middles.round(), atol=0.1)
    return {(int(x), int(y)) for x, y in middles.round()}
