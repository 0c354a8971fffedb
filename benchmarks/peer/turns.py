"""Both sides in turn: never at once, and neither always first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.peer.clicking import Answer, Crowd, ask, crowd
from benchmarks.peer.rows import Figures, Kind, Row, crowd_row, latency_row
from benchmarks.peer.scenes import Scene
from benchmarks.peer.verdicts import Alone

PEER, OURS = "peer", "ours"


@dataclass(slots=True)
class Side:
    """One of the two. ``pid``: the process that holds it."""

    name: str
    url: str
    pid: int
    alone: Alone = field(default_factory=Alone)


@dataclass(slots=True)
class Match:
    """``after`` is called after every click of a lone annotator and after every turn of a crowd.

    ``settle``: seconds before each. Both sides go on writing logs and metrics for a moment after an answer,
    on cores that the next one needs.
    """

    peer: Side
    ours: Side
    after: Callable[[], None] = field(default=lambda: None)
    settle: float = 0.1
    _turns: int = 0

    def order(self) -> tuple[Side, Side]:
        """Who is first, the other one every time."""
        self._turns += 1
        return (self.peer, self.ours) if self._turns % 2 else (self.ours, self.peer)

    def both(self, scene: Scene, click: int) -> dict[str, Answer]:
        """One click on each side. The answer to a click that was never asked before is learned as right."""
        found = {}
        for side in self.order():
            time.sleep(self.settle)
            answer = found[side.name] = ask(side.url, scene, click)
            if not side.alone.knows(answer):
                side.alone.learn(answer)
            self.after()
        return found


def lone(match: Match, scenes: Sequence[Scene], repeats: int) -> list[Row]:
    """The first click on each picture, ``repeats`` next ones, and one on the picture before."""
    kept: dict[Kind, list[dict[str, Answer]]] = {kind: [] for kind in Kind}
    for index, scene in enumerate(scenes):
        kept[Kind.FIRST].append(match.both(scene, 0))
        for repeat in range(repeats):
            kept[Kind.NEXT].append(match.both(scene, (repeat + 1) % len(scene.requests)))
        if index:
            kept[Kind.AGAIN].append(match.both(scenes[index - 1], 0))
    return [_row(match, kind, pairs) for kind, pairs in kept.items() if pairs]


def lone_clicks(scenes: int, repeats: int) -> int:
    """How many clicks of both sides together ``lone`` makes."""
    return 2 * (scenes * (1 + repeats) + scenes - 1)


def learn(match: Match, scenes: Sequence[Scene]) -> None:
    """See that every click of the pictures was asked alone."""
    for scene in scenes:
        for click in range(len(scene.requests)):
            match.both(scene, click)


def crowds(match: Match, scenes: Sequence[Scene], think: float, seconds: float) -> Row:
    """An annotator on each picture, two turns for each side: peer, ours, ours, peer."""
    turns: dict[str, list[Crowd]] = {PEER: [], OURS: []}
    for _ in range(2):
        for side in match.order():
            time.sleep(match.settle)
            turns[side.name].append(crowd(side.url, scenes, seconds, think))
            match.after()
    peer, ours = (Figures.of_crowds(turns[side.name], side.alone) for side in (match.peer, match.ours))
    return crowd_row(len(scenes), think, peer, ours)


def _row(match: Match, kind: Kind, pairs: Sequence[dict[str, Answer]]) -> Row:
    peer, ours = (
        Figures.of(
            [pair[side.name] for pair in pairs], sum(pair[side.name].seconds for pair in pairs), side.alone
        )
        for side in (match.peer, match.ours)
    )
    return latency_row(kind, pairs[0][PEER].scene.megapixels, peer, ours)
