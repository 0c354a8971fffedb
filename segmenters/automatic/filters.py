"""Which masks of a grid are kept: by the settings, and by what a model's own answers are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from segmenters.segmenter import Segmenter
from values.options import EverythingOptions


@dataclass(frozen=True, slots=True)
class Nature:
    """What a model's answers to a grid are like.

    ``points``: along each side of a grid that is fine enough. ``iou``: its estimate of the IoU from which on
    a mask is worth keeping. ``offset``: how far logits are shifted to see whether a mask is stable; 0 where
    they tell nothing of that, so that all are. ``covers``: points in the best mask of an earlier click are
    left out if it has at most that share of the picture, as they would find the same again; 0 where each
    click has an answer of its own.
    """

    points: int = 32
    iou: float = 0.88
    offset: float = 1.0
    covers: float = 0.0


SAM, SAM2 = Nature(), Nature(iou=0.8)
"""The defaults of ``SamAutomaticMaskGenerator`` and of ``SAM2AutomaticMaskGenerator``."""


@runtime_checkable
class HasNature(Protocol):
    """A model that says itself what its answers to a grid are like."""

    @property
    def nature(self) -> Nature:
        """What they are like."""
        ...


def nature_of(segmenter: Segmenter) -> Nature:
    """That of a model; that of SAM where it does not say."""
    return segmenter.nature if isinstance(segmenter, HasNature) else SAM


@dataclass(frozen=True, slots=True)
class Filters:
    """``iou``, ``offset`` and ``covers``: see ``Nature``. The rest: see ``EverythingOptions``."""

    iou: float = SAM.iou
    stability: float = 0.95
    offset: float = SAM.offset
    overlap: float = 0.7
    min_area: int = 0
    covers: float = 0.0

    @classmethod
    def of(cls, segmenter: Segmenter, options: EverythingOptions) -> Self:
        """Those of a model, as the settings change them."""
        nature = nature_of(segmenter)
        iou = nature.iou if options.everything_iou is None else options.everything_iou
        return cls(
            iou,
            options.everything_stability,
            nature.offset,
            options.everything_overlap,
            options.everything_min_area,
            nature.covers,
        )
