"""The clicks that annotators make, and the answer to each in a calm run."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from testing.project_server import request_of

SIZE = (640, 480)
"""Width and height of the pictures."""

PICTURES = 6
WARM = 12
"""Images that all annotators go on clicking on."""

_POINTS = ((0.5, 0.5), (0.3, 0.3), (0.7, 0.4), (0.4, 0.75))
# The numbers of new images begin here.
_FIRST_NEW = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """A click on one of the points in the image of task ``number``, which has this ``size``. ``cold``: the
    image was never clicked on."""

    number: int
    point: int
    cold: bool
    size: tuple[int, int] = SIZE

    @property
    def kind(self) -> tuple[int, int]:
        """Picture and point, which determine the answer."""
        return self.number % PICTURES, self.point

    def body(self) -> dict[str, Any]:
        """The request as Label Studio sends it."""
        return request_of(self.number, self.size, _POINTS[self.point])


@dataclass
class Questions:
    """An endless supply of clicks: every ``cold_every``-th on a new image, the others on a few known ones.

    An answer is right when it equals the one that ``learn`` got, apart from region ids, which are random.
    """

    cold_every: int = 12
    size: tuple[int, int] = SIZE
    right: dict[tuple[int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._count = itertools.count()
        self._turns = itertools.count(1)
        self._new = itertools.count(_FIRST_NEW)

    def next(self) -> Question:
        """The next click. May be called by many threads."""
        question = self.known()
        if next(self._turns) % self.cold_every:
            return question
        return Question(next(self._new), question.point, cold=True, size=self.size)

    def known(self) -> Question:
        """The next click on a known image."""
        number = next(self._count)
        return Question(number % WARM, number // WARM % len(_POINTS), cold=False, size=self.size)

    def learn(self, ask: Callable[[Question], dict[str, Any]]) -> None:
        """Ask every click once in calm weather, which also leaves the known images warm."""
        for number in range(WARM):
            for point in range(len(_POINTS)):
                question = Question(number, point, cold=False, size=self.size)
                self.right[question.kind] = digest(ask(question))

    def is_right(self, question: Question, answer: dict[str, Any]) -> bool:
        """Whether the answer is, byte for byte, that of the calm run."""
        return digest(answer) == self.right[question.kind]


def digest(answer: dict[str, Any]) -> str:
    """The digest of an answer to /predict without its random ids."""
    said = [
        [result["score"], [{**region, "id": None} for region in result["result"]]]
        for result in answer["results"]
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
