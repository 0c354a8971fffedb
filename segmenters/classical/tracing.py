"""Traces the thing that a prompt points at: first what it may be, then what each further click corrects."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from segmenters.classical import boxes, correcting, hypotheses
from segmenters.classical.hints import Hints
from segmenters.classical.hypotheses import Hypothesis
from segmenters.classical.picture import Picture
from segmenters.classical.rating import deepest, features
from segmenters.classical.snapping import DRAWN_BAND, snapped, snapped_part
from segmenters.classical.soft_mask import SoftMask, changed, soft_mask
from segmenters.classical.spare_core import Begin, when_asked
from segmenters.classical.view import Mask, View
from segmenters.classical.weights import ADDING, BOXED, FIRST, PLAUSIBLE, REMOVING
from segmenters.classical.window import Box, Point, Window

_CANDIDATES = 3
_ANOTHER = 0.8  # IoU with a better one from which a candidate is the same thing
_THING = 0.5  # the least score of a candidate besides the best
_CORRECTIONS = 16
"""How many clicks of one prompt are worth a correction of their own, about a tenth of a second each; the
others change a dot."""
_SMALL = 0.02  # of the picture's side: a click that nothing explains changes this much around it


class Traced(NamedTuple):
    """``soft``: HxW of the encoder's image. ``score``: 0..1, how plausible it is as a thing."""

    soft: SoftMask
    score: float


def trace(picture: Picture, hints: Hints, before: SoftMask | None, begin: Begin = when_asked) -> list[Traced]:
    """The things that the hints may point at, the likeliest first; none where only ground was pointed at.

    ``before``: the answer without the last click, or None. ``begin``: begins what can be done beside.
    """
    if before is None:
        found, count = _begun(picture, hints, begin)
        if count == len(hints.clicks) or not found:
            return found
        before = found[0].soft
    else:
        count = len(hints.clicks) - 1
    corrected = 0
    for index in range(max(0, count), len(hints.clicks)):
        click, on = hints.clicks[index]
        if _says(before, click) == on:
            continue
        if corrected < _CORRECTIONS:
            before = _corrected(picture, hints.until(index), before, begin)
        else:
            before = _dotted(before, click, on)
        corrected += 1
    return [Traced(before, _plausible(picture.whole, picture.pixels, before > 0))]


def _begun(picture: Picture, hints: Hints, begin: Begin) -> tuple[list[Traced], int]:
    """The answer to the box, the drawn mask or the first positive click, and how many clicks it heeds."""
    if hints.box is not None:
        return _in_box(picture, hints.box, hints.prior), 0
    if hints.prior is not None:
        return _from_drawn(picture, hints.prior), 0
    for index, (click, on) in enumerate(hints.clicks):
        if on:
            negative = [point for point, _ in hints.clicks[:index]]
            return _clicked(picture, click, negative, begin), index + 1
    return [], len(hints.clicks)


def _clicked(picture: Picture, click: Point, negative: Sequence[Point], begin: Begin) -> list[Traced]:
    found = hypotheses.around(picture, click, begin)
    if not found:
        return [Traced(_dotted(np.full(picture.shape, -1, np.float32), click, on=True), 0.0)]
    allowed = [each for each in found if not any(_holds(each, point) for point in negative)] or found
    rated = FIRST(hypotheses.measured(allowed, click))
    chosen = _apart([allowed[index] for index in np.argsort(-rated, kind="stable")])
    others = [begin(partial(_end, picture, each, click, negative)) for each in chosen[1:]]
    traced = [_end(picture, chosen[0], click, negative), *(other() for other in others)]
    return _descending([traced[0], *(each for each in traced[1:] if each.score >= _THING)])


def _end(picture: Picture, found: Hypothesis, click: Point, negative: Sequence[Point]) -> Traced:
    """What a hypothesis comes to, its border drawn to the nearest edges."""
    window, mask = snapped(picture.lab, found.mask, found.view.window, ([click], negative))
    soft = soft_mask(mask, window, picture.shape)
    return Traced(soft, _plausible(found.view, window, mask))


def _apart(best_first: Sequence[Hypothesis]) -> list[Hypothesis]:
    """The best few, none of them nearly the same as a better one."""
    chosen: list[tuple[Hypothesis, Mask]] = []
    for each in best_first:
        mask = hypotheses.compared(each.view, each.mask)
        if all(_iou(mask, other) < _ANOTHER for _, other in chosen):
            chosen.append((each, mask))
        if len(chosen) == _CANDIDATES:
            break
    return [each for each, _ in chosen]


def _iou(one: Mask, other: Mask) -> float:
    return float(np.count_nonzero(one & other) / max(1, np.count_nonzero(one | other)))


def _holds(each: Hypothesis, point: Point) -> bool:
    return any(bool(each.mask[row, column]) for column, row in each.view.window.cells([point]))


def _descending(traced: Sequence[Traced]) -> list[Traced]:
    """Scores in the order of the answers: the order knows more than a score does."""
    scores = itertools.accumulate((each.score for each in traced), min)
    return [each._replace(score=score) for each, score in zip(traced, scores, strict=True)]


def _in_box(picture: Picture, box: Box, drawn: Mask | None) -> list[Traced]:
    if drawn is not None:
        return _from_drawn(picture, drawn, box)
    shape = picture.shape
    found = boxes.boxed(picture.lab, box)
    window = found.view.window
    if not found.masks:  # the box itself is a poor answer, but better than none
        return [Traced(soft_mask(window.inside(box), window, shape), 0.0)]
    best = int(np.argmax(BOXED(boxes.measured(found))))
    where, mask = snapped(picture.lab, found.masks[best][1], window, ([], []), box)
    if not mask.any():
        where, mask = window, found.masks[best][1]
    return [Traced(soft_mask(mask, where, shape), _plausible(found.view, where, mask))]


def _from_drawn(picture: Picture, drawn: Mask, box: Box | None = None) -> list[Traced]:
    """A drawn mask, its border drawn to the nearest edges."""
    window, mask = snapped(picture.lab, drawn, picture.pixels, ([], []), box, DRAWN_BAND)
    if not mask.any():
        window, mask = picture.pixels, drawn
    return [Traced(soft_mask(mask, window, picture.shape), _plausible(picture.whole, window, mask))]


def _corrected(picture: Picture, hints: Hints, before: SoftMask, begin: Begin) -> SoftMask:
    """``before`` with what the last click adds or takes away."""
    (click, on), mask = hints.clicks[-1], before > 0
    clicks = (hints.positive, hints.negative)
    first = next(iter(hints.positive), None)
    meant = hypotheses.around(picture, click, begin)
    found = meant and correcting.corrections(
        meant,
        [] if first in (None, click) else hypotheses.wide(picture, first),
        mask,
        click,
        on,
        clicks,
    )
    if not found:
        return _dotted(before, click, on)
    number = len(hints.clicks)
    rows = correcting.measured(found, click, on, first, number)
    index = correcting.chosen((ADDING if on else REMOVING)(rows), rows, number)
    if index is None:
        return _dotted(before, click, on)
    best = found[index]
    window, now, where = snapped_part(picture.lab, mask, best.part, best.view.window, clicks, adds=on)
    return changed(before, now, where, window)


def _says(soft: SoftMask, click: Point) -> bool:
    """Whether a click's place is on."""
    height, width = soft.shape
    return bool(soft[min(int(click[1]), height - 1), min(int(click[0]), width - 1)] > 0)


def _dotted(before: SoftMask, click: Point, on: bool) -> SoftMask:
    soft = before.copy()
    radius = max(1, round(_SMALL * max(before.shape)))
    cv2.circle(soft, (int(click[0]), int(click[1])), radius, (1.0 if on else -1.0,), cv2.FILLED)
    return soft


def _plausible(view: View, window: Window, mask: Mask) -> float:
    """The estimated IoU of a mask on the grid of ``window``, by what it looks like in ``view``."""
    seen = view.window.shown(mask, window)
    if not seen.any():
        return 0.0
    return float(np.clip(PLAUSIBLE(features(view, seen, deepest(seen))[None])[0], 0, 1))
