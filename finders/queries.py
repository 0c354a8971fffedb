"""What is looked for: vectors, each of a class, or of what is not meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finders.boxes import overlaps
from values.errors import BadPrompt
from values.found import Found

Floats = NDArray[np.float32]

QUERY_LIMIT = 256
"""Queries of one request, examples and phrases together."""
LEAST_OVERLAP = 0.2
"""Intersection over union of an example with the box whose vector stands for it."""
NOT_MEANT = -1
"""The class of a negative query."""

_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """Queries that compete for each box.

    ``vectors``: (Q, D) float32. ``classes``: (Q,) the number of the class that a query asks for, 0 and up, or
    ``NOT_MEANT``. A class may have several.
    """

    vectors: Floats
    classes: NDArray[np.intp]

    @classmethod
    def of(cls, vectors: Sequence[ArrayLike], classes: Sequence[int]) -> Self:
        """These queries. Raises ``values.errors.BadPrompt`` where nothing is asked for, or too much."""
        if not any(each != NOT_MEANT for each in classes):
            raise BadPrompt(
                "there are only examples of what is not meant; add a phrase or an example to find"
            )
        if len(classes) > QUERY_LIMIT:
            raise BadPrompt(
                f"{len(classes)} phrases and examples are asked for at once, and {QUERY_LIMIT} are the most"
            )
        made = np.stack([np.asarray(vector, np.float32) for vector in vectors])
        return cls(made, np.asarray(classes, np.intp))

    @property
    def directions(self) -> Floats:
        """(Q, D): the vectors in length 1, as the class head multiplies them."""
        lengths = np.linalg.norm(self.vectors, axis=1, keepdims=True) + _EPSILON
        return np.asarray(self.vectors / lengths, np.float32)

    def logits(self, found: Found) -> Floats:
        """(N, Q): the logit of each query at each box, as OWLv2's class head computes it.

        Differs from transformers by what float16 rounds of the vectors. Raises ``ValueError`` for vectors of
        another length, which are of another detector.
        """
        if found.vectors.shape[1] != self.vectors.shape[1]:
            raise ValueError(f"queries of {self.vectors.shape[1]} numbers do not fit {found.finder}")
        products = found.vectors.astype(np.float32) @ self.directions.T
        return np.asarray((products + found.shift[:, None]) * found.scale[:, None], np.float32)


def example(found: Found, box: ArrayLike) -> Floats:
    """(D,) float32: the query of what somebody drew ``box`` around, x0, y0, x1, y1 as fractions.

    It is the vector of the stored box that overlaps the drawn one most; of equal ones, of the one that looks
    more like an object. Raises ``values.errors.BadPrompt`` for a box without area, and where the detector has
    no box near this place: the vector of something else would find something else.
    """
    drawn = np.asarray(box, np.float64).reshape(4)
    if not (np.isfinite(drawn).all() and (drawn[2:] > drawn[:2]).all()):
        raise BadPrompt("an example is a box without area; draw it around one whole thing")
    shares = overlaps(found.boxes, drawn)[:, 0]
    best = int(shares.argmax()) if len(shares) else -1
    if best < 0 or shares[best] < LEAST_OVERLAP:
        raise BadPrompt(
            "the detector sees no object where the example is drawn; draw the box closer around one whole "
            "thing, or choose a clearer one"
        )
    return np.asarray(found.vectors[best], np.float32)
