"""Fits the weights of the classical segmenter's ratings: ``python -m benchmarks.classical.fitting``.

Annotators who know the things of the tuned set click on them. At each click every candidate is carried to its
end and compared with the truth. The weights are those with which the candidate that is rated best has the
largest expected IoU (a softmax over the candidates of a click stands for the choice). What a further click
loses counts four times, and photographs count as much as all that is generated. Where the data do not tell,
the weights are small. The clicks follow the weights that are there: a second run sees the errors that are
left.

It writes ``segmenters/classical/weights.py``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bar import Bar
from benchmarks.classical.clicking import next_click
from benchmarks.classical.processes import results
from benchmarks.classical.things import ALL_KINDS, Thing, show, things
from segmenters.classical import boxes, correcting, hypotheses, weights
from segmenters.classical.picture import Picture
from segmenters.classical.rating import FEATURES, Rating, deepest, features
from segmenters.classical.segmenter import Classical
from segmenters.classical.snapping import Clicks, snapped, snapped_part
from segmenters.classical.soft_mask import SoftMask, changed, soft_mask
from segmenters.classical.view import Mask, View
from segmenters.classical.window import Box, Point, Window
from testing.pointing import iou, shown, tight_box
from testing.still_lifes.kinds import KINDS
from testing.still_lifes.still_life import EACH

NAMES = {
    "FIRST": hypotheses.NAMES,
    "ADDING": correcting.NAMES,
    "REMOVING": correcting.NAMES,
    "BOXED": boxes.NAMES,
    "PLAUSIBLE": FEATURES,
}
_CLICKS = 5
_ANNOTATORS = 2  # on each thing: one clicks into the middle, the other one near it
_WALKS = 2  # of each: one whose answer is the best rated, one whose is drawn by its rating
_ASIDE = (0.1, 0.6)  # of the way from the middle to the border
_PROMISING = 0.2  # IoU of a candidate from which its border is snapped
_SOFTNESS = 0.15  # of the choice among candidates
_DRAWN = 0.7  # how far ratings may be apart, as a part of their spread, where an answer is drawn
_SHRINKAGE = 0.1
_LOSS = 4.0  # how much what a click loses counts beside what another gains
_ROUNDS = 3  # of the generated things of each kind; the first one is what is reported as tuned
_STEPS = 300


class Choice(NamedTuple):
    """Which rating it asks; NxF features of the candidates, and what each is worth: its IoU, or the gain.

    ``photographed``: whether it is one in a photograph.
    """

    rating: str
    rows: NDArray[np.float64]
    worth: NDArray[np.float64]
    photographed: bool = False


def choices(thing: Thing) -> list[Choice]:
    """All choices of the annotators on a thing."""
    cv2.setNumThreads(1)
    seen = show(thing)
    segmenter = Classical()
    [embedding] = segmenter.load_encoder(1).encode([shown(segmenter, seen.rgb)])
    picture = Picture.of(embedding)
    height, width = picture.shape
    truth = cv2.resize(seen.truth.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5
    if not truth.any():
        return []
    made = _Annotated(picture, np.asarray(truth)).choices()
    return [choice._replace(photographed=thing.photographed) for choice in made]


class _Annotated:
    """One thing, and what its annotators are offered."""

    def __init__(self, picture: Picture, truth: Mask) -> None:
        self._picture = picture
        self._truth = truth
        self._rng = np.random.default_rng(3)

    def choices(self) -> Iterator[Choice]:
        """Those of clicks and boxes."""
        for number in range(_ANNOTATORS):
            for walk in range(_WALKS):
                yield from self._clicked(exact=number == 0, drawn=walk > 0)
            yield from self._boxed(exact=number == 0)

    def _clicked(self, *, exact: bool, drawn: bool) -> Iterator[Choice]:
        first = self._click(np.zeros_like(self._truth), exact)
        if first is None:
            return
        clicks = [first]
        found = hypotheses.around(self._picture, first[0])
        rows = hypotheses.measured(found, first[0])
        ends = [self._first_end(each, first[0]) for each in found]
        yield Choice("FIRST", rows, np.array([worth for worth, _, _ in ends]))
        for worth, seen, _ in ends:
            if seen is not None:
                yield Choice("PLAUSIBLE", seen[None], np.array([worth]))
        rated = weights.FIRST(rows)
        soft = ends[self._drawn(rated) if drawn else int(rated.argmax())][2]
        while len(clicks) < _CLICKS and (click := self._click(soft > 0, exact)) is not None:
            clicks.append(click)
            choice, soft = self._corrected(clicks, soft, drawn)
            if choice is not None:
                yield choice

    def _first_end(
        self, each: hypotheses.Hypothesis, click: Point
    ) -> tuple[float, NDArray[np.float64] | None, SoftMask]:
        """IoU, what is seen of the answer, and the answer."""
        soft = soft_mask(each.mask, each.view.window, self._picture.shape)
        worth = iou(soft > 0, self._truth)
        if worth < _PROMISING:
            return worth, None, soft
        window, mask = snapped(self._picture.lab, each.mask, each.view.window, ([click], []))
        soft = soft_mask(mask, window, self._picture.shape)
        return iou(soft > 0, self._truth), _looks(each.view, window, mask), soft

    def _corrected(
        self, clicks: Sequence[tuple[Point, bool]], before: SoftMask, drawn: bool
    ) -> tuple[Choice | None, SoftMask]:
        (click, on), mask = clicks[-1], before > 0
        kept = ([point for point, is_on in clicks if is_on], [point for point, is_on in clicks if not is_on])
        meant = hypotheses.around(self._picture, click)
        first = hypotheses.wide(self._picture, clicks[0][0])
        found = correcting.corrections(meant, first, mask, click, on, kept)
        if not found:
            return None, before
        rows = correcting.measured(found, click, on, clicks[0][0], len(clicks))
        was = iou(mask, self._truth)
        ends = [self._correction_end(each, before, on, kept) for each in found]
        rating = "ADDING" if on else "REMOVING"
        made = Choice(rating, rows, np.array([worth - was for worth, _ in ends]))
        rated = getattr(weights, rating)(rows)
        answer = self._drawn(rated) if drawn else correcting.chosen(rated, rows, len(clicks))
        return made, before if answer is None else ends[answer][1]

    def _drawn(self, ratings: NDArray[np.float64]) -> int:
        """One drawn by its rating: so there are more errors to correct than the weights make."""
        chances = np.exp((ratings - ratings.max()) / (_DRAWN * (ratings.std() + 1e-9)))
        return int(self._rng.choice(len(ratings), p=chances / chances.sum()))

    def _correction_end(
        self, each: correcting.Correction, before: SoftMask, on: bool, kept: Clicks
    ) -> tuple[float, SoftMask]:
        grid = each.view.window
        window, now, where = snapped_part(self._picture.lab, before > 0, each.part, grid, kept, on)
        soft = changed(before, now, where, window)
        return iou(soft > 0, self._truth), soft

    def _boxed(self, *, exact: bool) -> Iterator[Choice]:
        box = self._box(exact)
        found = boxes.boxed(self._picture.lab, box)
        if not found.masks:
            return
        worth = []
        for _, mask in found.masks:
            window, cut = snapped(self._picture.lab, mask, found.view.window, ([], []), box)
            worth.append(iou(soft_mask(cut, window, self._picture.shape) > 0, self._truth))
        yield Choice("BOXED", boxes.measured(found), np.array(worth))

    def _click(self, found: Mask, exact: bool) -> tuple[Point, bool] | None:
        click = next_click(self._truth, found)
        if click is None:
            return None
        x, y, on = click.x, click.y, click.label == 1
        error = self._truth & ~found if on else found & ~self._truth
        depth = cv2.distanceTransform(np.pad(error, 1).astype(np.uint8), cv2.DIST_L2, 3)[y + 1, x + 1]
        if not exact:
            angle, way = self._rng.uniform(0, 2 * math.pi), self._rng.uniform(*_ASIDE) * float(depth)
            x, y = round(x + way * math.cos(angle)), round(y + way * math.sin(angle))
        return ((x + 0.5, y + 0.5), on) if error[y, x] else ((click.x + 0.5, click.y + 0.5), on)

    def _box(self, exact: bool) -> Box:
        """Tight, or as loose as people draw it."""
        height, width = self._truth.shape
        x0, y0, x1, y1 = (float(side) for side in tight_box(self._truth))
        if not exact:
            left, top, right, bottom = self._rng.uniform(-0.02, 0.06, 4)
            across, down = x1 - x0, y1 - y0
            x0, y0, x1, y1 = x0 - left * across, y0 - top * down, x1 + right * across, y1 + bottom * down
        return max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1)


def _looks(view: View, window: Window, mask: Mask) -> NDArray[np.float64] | None:
    seen = view.window.shown(mask, window)
    return features(view, seen, deepest(seen)) if seen.any() else None


def fitted(made: Sequence[Choice]) -> Rating:
    """The rating whose best candidates are worth most. A correction may also be left undone, which is worth
    nothing and rated 0."""
    left = made[0].rating in ("ADDING", "REMOVING")
    rows = np.concatenate([choice.rows for choice in made])
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    most = max(len(choice.rows) for choice in made)
    inputs = torch.zeros(len(made), most + 1, rows.shape[1])
    absent, worth = torch.full((len(made), most + 1), -1e9), torch.zeros(len(made), most + 1)
    if left:
        absent[:, most] = 0
    for index, choice in enumerate(made):
        count = len(choice.rows)
        inputs[index, :count] = torch.from_numpy((choice.rows - mean) / spread)
        counted = np.where(choice.worth < 0, _LOSS * choice.worth, choice.worth)
        absent[index, :count], worth[index, :count] = 0, torch.from_numpy(counted)
    shares = torch.from_numpy(_shares([choice.photographed for choice in made]))
    found, base = torch.zeros(rows.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
    is_made = torch.cat([torch.ones(most), torch.zeros(1)])
    optimizer = torch.optim.Adam([found, base], lr=0.03)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        rated = inputs @ found + base * is_made
        chosen = torch.softmax(rated / _SOFTNESS + absent, dim=1)
        loss = -((chosen * worth).sum(dim=1) * shares).mean() + _SHRINKAGE * (found * found).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    each = found.detach().numpy().astype(np.float64) / spread
    return _rating(made[0].rating, each, float(base.detach()) - float(mean @ each))


def _shares(photographed: Sequence[bool]) -> NDArray[np.float32]:
    """How much each counts, 1 on average: photographs together as much as what is generated."""
    are = np.array(photographed)
    count = int(are.sum())
    if not 0 < count < len(are):
        return np.ones(len(are), np.float32)
    return np.where(are, len(are) / (2 * count), len(are) / (2 * (len(are) - count))).astype(np.float32)


def estimating(made: Sequence[Choice]) -> Rating:
    """The rating that estimates the worth itself: least squares with the same shrinkage."""
    rows = np.concatenate([choice.rows for choice in made])
    worth = np.concatenate([choice.worth for choice in made])
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    scaled = (rows - mean) / spread
    penalty = _SHRINKAGE * len(rows) * np.eye(rows.shape[1])
    each = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ (worth - worth.mean())) / spread
    return _rating(made[0].rating, each, float(worth.mean() - mean @ each))


def _rating(name: str, each: NDArray[np.float64], base: float) -> Rating:
    return Rating(dict(zip(NAMES[name], each.tolist(), strict=True)), base)


def source(ratings: dict[str, Rating]) -> str:
    """The module that holds the ratings."""
    lines = [
        '"""Weights of the ratings, as ``benchmarks.classical.fitting`` found them. It writes this file."""',
        "",
        "from __future__ import annotations",
        "",
        "from segmenters.classical.rating import Rating",
        "",
    ]
    for name, rating in ratings.items():
        lines += [f"{name} = Rating(", "    {"]
        lines += [f'        "{feature}": {weight:.4g},' for feature, weight in rating.weights.items()]
        lines += ["    },", f"    {rating.base:.4g},", ")"]
    return "\n".join(lines) + "\n"


def asked(most: int | None) -> list[Thing]:
    """Those of the tuned set, at most ``most`` of each kind; of all, and of what is generated more rounds."""
    more = range(EACH, _ROUNDS * EACH) if most is None else ()
    return [
        *things(("tuned",), ALL_KINDS, most),
        *(Thing("tuned", kind, number) for kind in KINDS for number in more),
    ]


def run(asked: Sequence[Thing], jobs: int) -> dict[str, Rating]:
    """Ask for the things, in so many processes, and fit."""
    made: list[Choice] = []
    with Bar(len(asked)) as bar:
        for thing, found in zip(asked, results(choices, asked, jobs), strict=True):
            bar.begin(f"{thing.kind} {thing.number}")
            made += found
            bar.advance(1)
    of = {name: [choice for choice in made if choice.rating == name] for name in NAMES}
    return {name: (estimating if name == "PLAUSIBLE" else fitted)(of[name]) for name in NAMES}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=int, help="things of each kind; all without it, and more like them")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    given = parser.parse_args()
    found = run(asked(given.most), given.jobs)
    Path(weights.__file__).write_text(source(found), encoding="utf-8")
