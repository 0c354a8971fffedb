"""Many prompts on one image, so many at once as a bound on memory allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmenters.runtimes.session import Array, Session

WINDOW = 64
"""Prompts that are looked at together, to find those with as many points as each other."""
FEWEST = 4
"""Prompts that are worth it: what is computed once for an image takes as long as two of them take alone."""
MOST_POINTS = 10
"""Points of a prompt that is worth it, a box's corners and padding included."""

PROMPT_MIB = 32
"""What a prompt takes while it is computed with others: its upscaled features, 65536 cells of 32 channels,
before and after a step, and those that they are made of."""
CHUNK = 64 // PROMPT_MIB
"""Prompts that are computed at once, in memory that is kept for the next ones. More take no less time each,
and memory that was given back and is taken anew would cost a quarter more."""

_ANSWER = ("low_res_masks", "iou_predictions")

Points = tuple[NDArray[np.float32], NDArray[np.float32]]
"""A prompt's points (N, 2) on the canvas and their labels (N,), as a session takes them."""
Answer = tuple[NDArray[np.float32], NDArray[np.float32]]
"""A prompt's logits (4, 256, 256) and scores (4,)."""


@dataclass(frozen=True, slots=True)
class PromptBatch:
    """The decoder of ``segmenters.networks.prompt_batch`` in a runtime.

    ``shared``: the names of what ``image`` gives and ``prompts`` takes: 32 MiB for SAM, 40 for HQ-SAM, 44 for
    SAM 2.
    ``shared_in_place``: whether ``prompts`` reads these where they are; else it copies them for each call.
    """

    image: Session
    prompts: Session
    shared: tuple[str, ...]
    shared_in_place: bool = True

    def of(self, arrays: Mapping[str, Array]) -> OneImage:
        """What is the same for all prompts on the image with these arrays, computed if it is not in them."""
        return self.prepared(arrays) or OneImage(self.prompts, self.image.run(arrays, self.shared))

    def prepared(self, arrays: Mapping[str, Array]) -> OneImage | None:
        """The same if it is in the arrays, else None."""
        if any(name not in arrays for name in self.shared):
            return None
        return OneImage(self.prompts, {name: arrays[name] for name in self.shared})


@dataclass(frozen=True, slots=True)
class OneImage:
    """What all prompts on one image share, and what computes the rest."""

    prompts: Session
    shared: Mapping[str, Array]

    def answers(self, asked: Sequence[Points | None]) -> Iterator[Answer]:
        """For each of a few prompts with as many points as each other, in memory that they share."""
        coords, labels = (np.stack(each) for each in zip(*filter(None, asked), strict=True))
        given = {**self.shared, "point_coords": coords, "point_labels": labels}
        found = self.prompts.run(given, _ANSWER)
        return zip(*(np.asarray(found[name], np.float32) for name in _ANSWER), strict=True)


def chunks(asked: Sequence[Points | None]) -> dict[int, list[int]]:
    """Which prompts are computed together, by the first of each: all with as many points, in order.

    Those that are None, that are too long, or of which there are too few are in no chunk.
    """
    lengths = [None if each is None else len(each[1]) for each in asked]
    counts = Counter(lengths)
    found: dict[int, list[int]] = {}
    for length, count in counts.items():
        if length is not None and length <= MOST_POINTS and count >= FEWEST:
            alike = [number for number, each in enumerate(lengths) if each == length]
            found |= {alike[start]: alike[start : start + CHUNK] for start in range(0, count, CHUNK)}
    return found
