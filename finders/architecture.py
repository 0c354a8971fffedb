"""The architecture of OWLv2 (arXiv 2306.09683): what a detector is without its weights."""

from __future__ import annotations

from dataclasses import dataclass

from values.image import ModelSize


@dataclass(frozen=True, slots=True)
class Tower:
    """A transformer: the length of its vectors, its blocks, and the heads of each."""

    width: int
    blocks: int
    heads: int


@dataclass(frozen=True, slots=True)
class Architecture:
    """One size of OWLv2.

    ``side``: of the square picture that it takes, in pixels. ``patch``: side of a patch, of which each gives
    one box. ``image``, ``text``: the halves; vectors of queries are as long as ``text`` is wide. ``context``:
    tokens of a phrase, with the two at its ends. ``vocabulary``: tokens that there are.
    """

    side: int
    patch: int
    image: Tower
    text: Tower
    context: int = 16
    vocabulary: int = 49_408

    @property
    def input(self) -> ModelSize:
        """The long side becomes ``side``; what is missing to the square is padded at the right or below."""
        return ModelSize(self.side, fractions=True)


BASE_16 = Architecture(960, 16, Tower(768, 12, 12), Tower(512, 12, 8))
LARGE_14 = Architecture(1008, 14, Tower(1024, 24, 16), Tower(768, 12, 12))
