"""What is clicked on: pictures, each with the things outlined in it, and how they are chosen."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from exports.run_lengths import RunLengths
from imaging.decoding import decode
from imaging.options import ImageOptions
from serve_app.settings import Settings
from values.errors import ImageError
from values.image import ModelSize, Pixels

SEED = 17
LEAST_AREA = 25
"""Pixels of the smallest thing that anybody clicks on."""

_TOLD = 20
_SMALL = ModelSize(64, enlarge=False)
"""Pixels are decoded only to learn how many there are."""


class NoThings(ValueError):
    """Nothing can be measured; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One outlined thing. ``name``: for people, unique within its picture. ``truth``: its mask."""

    name: str
    truth: RunLengths


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture on disk with things. ``name``: for people."""

    name: str
    path: Path
    things: Sequence[Thing]

    def pixels(self, size: ModelSize) -> Pixels:
        """As the application reads it. Raises ImageError, OSError."""
        return decode(self.path.read_bytes(), size, image_limits())


@dataclass
class Told:
    """What was left out: the first sentences, and how many there are."""

    sentences: list[str] = field(default_factory=list)
    count: int = 0

    def leave_out(self, sentence: str) -> None:
        """One more."""
        self.count += 1
        if len(self.sentences) < _TOLD:
            self.sentences.append(sentence)

    def lines(self) -> list[str]:
        """For a person."""
        more = self.count - len(self.sentences)
        return [*self.sentences, *([f"and {more} more were left out"] if more else [])]


class Source(Protocol):
    """Where pictures come from, in a random order that is always the same."""

    def pictures(self, told: Told) -> Iterable[Picture]:
        """One by one; ``told`` of what is left out. Raises NoThings, ServiceError, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Share:
    """How many things are clicked on: ``most`` in all, ``of_each`` of one picture."""

    most: int
    of_each: int


def chosen(source: Source, share: Share, told: Told) -> list[Picture]:
    """Pictures of the source until there are enough things. Raises NoThings where there is none."""
    found: list[Picture] = []
    left = share.most
    for picture in source.pictures(told):
        things = _measurable(picture, told)
        few = _spread(things, min(share.of_each, left))
        if few:
            found.append(Picture(picture.name, picture.path, few))
            left -= len(few)
        if not left:
            break
    if not found:
        why = "; ".join(told.sentences[:3])
        raise NoThings(f"there is nothing to click on{f': {why}' if why else ''}")
    return found


@cache
def image_limits() -> ImageOptions:
    """The options for images of the environment, such as MAX_IMAGE_MEGAPIXELS. Raises SettingsError."""
    return Settings().part(ImageOptions)


def shuffled(names: Iterable[str]) -> list[str]:
    """In a random order that only the names decide."""
    ordered = sorted(names)
    random.Random(SEED).shuffle(ordered)
    return ordered


def _measurable(picture: Picture, told: Told) -> list[Thing]:
    """The things that can be clicked on."""
    try:
        pixels = picture.pixels(_SMALL)
    except ImageError as error:
        told.leave_out(f"{picture.name}: {error.detail}")
        return []
    except OSError as error:
        told.leave_out(f"{picture.name} cannot be read: {error.strerror}")
        return []
    found = []
    for thing in picture.things:
        truth = thing.truth
        if (truth.width, truth.height) != (pixels.width, pixels.height):
            told.leave_out(
                f"{picture.name}: the mask of {thing.name} has {truth.width} x {truth.height} pixels and the "
                f"image {pixels.width} x {pixels.height}, as a browser shows it; save both in one size"
            )
        elif not truth.area:
            told.leave_out(f"{picture.name}: the mask of {thing.name} is empty")
        elif truth.area < LEAST_AREA:
            told.leave_out(
                f"{picture.name}: {thing.name} has {truth.area} pixels, too few to click on "
                f"(at least {LEAST_AREA})"
            )
        else:
            found.append(thing)
    return found


def _spread(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most ``most``, evenly from first to last."""
    if len(things) <= most:
        return [*things]
    return [things[int(at)] for at in np.linspace(0, len(things) - 1, most).round()]
