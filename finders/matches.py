"""Which of an image's boxes answer the queries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finders.boxes import SAME, clear_of, distinct
from finders.queries import NOT_MEANT, Queries
from values.found import Found

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The boxes that answer, the best first: M of them.

    ``boxes``: (M, 4) float32, x0, y0, x1, y1 as fractions of the picture. ``scores``: (M,) float32, 0..1.
    ``classes``: (M,) the class of each. ``places``: (M,) where each is in ``Found``.
    """

    boxes: Floats
    scores: Floats
    classes: NDArray[np.intp]
    places: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.boxes)


def scored(found: Found, queries: Queries) -> tuple[Floats, NDArray[np.intp]]:
    """(N,) scores 0..1 and (N,) classes: the query with the largest logit decides both, at each box.

    As transformers' ``post_process_object_detection`` does. Where a negative query wins, the class is
    ``NOT_MEANT``.
    """
    logits = queries.logits(found)
    best = logits.argmax(1)
    highest = logits[np.arange(len(logits)), best].astype(np.float64)
    return _sigmoid(highest), queries.classes[best]


def match(
    found: Found, queries: Queries, threshold: float, regions: ArrayLike = (), same: float = SAME
) -> Matches:
    """The boxes whose scores are above ``threshold``, 0..1, once for each thing.

    ``regions``: (R, 4) boxes of what is annotated already, as fractions; what overlaps one of them by
    ``same`` or more is left out. After the suppression of doubles: else the next best box of an annotated
    thing would take the place of the best.
    """
    scores, classes = scored(found, queries)
    above = np.flatnonzero((scores > threshold) & (classes != NOT_MEANT))
    places = above[distinct(found.boxes[above], scores[above], classes[above], same)]
    places = places[clear_of(found.boxes[places], regions, same)]
    return Matches(found.boxes[places], scores[places], classes[places], places)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What in an image is most like what is asked for.

    ``logit``: by which images can be put in order; ``score``: the same as 0..1, see ``scored``. ``box``: x0,
    y0, x1, y1 as fractions of the picture. ``answers``: the class of the query that it is most like.
    """

    logit: float
    score: float
    box: tuple[float, float, float, float]
    answers: int


def likeness(found: Found, queries: Queries) -> Likeness | None:
    """The best of what is asked for in the image; None where nothing in it is meant."""
    logits = queries.logits(found)
    winners = logits.argmax(1)
    best = np.where(queries.classes[winners] == NOT_MEANT, -np.inf, logits[np.arange(len(logits)), winners])
    place = int(best.argmax()) if len(best) else -1
    if place < 0 or np.isneginf(best[place]):
        return None
    left, top, right, bottom = (float(edge) for edge in found.boxes[place])
    score = float(_sigmoid(np.array(best[place], np.float64)))
    return Likeness(
        float(best[place]), score, (left, top, right, bottom), int(queries.classes[winners[place]])
    )


def _sigmoid(logits: NDArray[np.float64]) -> Floats:
    # Without overflow: of a large negative number the exponential is 0.
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)), np.float32)
