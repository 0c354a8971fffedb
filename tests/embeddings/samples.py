"""Embeddings to keep, and what makes two of them the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.durable import DurableTier
from embeddings.options import DurableOptions
from values.embedding import Embedding

KEY = "0123456789" * 4
SEGMENTER = "fake-1"


def keys(count: int) -> list[str]:
    """So many keys, each in a folder of its own."""
    return [f"{number:02x}" * 20 for number in range(count)]


def sample(number: int = 0, floats: int = 6) -> Embedding:
    """An embedding with two arrays; each number has another content."""
    rng = np.random.default_rng(number)
    features = rng.random((1, 2, floats // 2), dtype=np.float32)
    return Embedding({"features": features, "b": features.astype(np.float16)}, SEGMENTER, 640, 480, 1024, 768)


def contents(embedding: Embedding) -> tuple[object, ...]:
    """All that an embedding is, to be compared."""
    arrays = {name: described(array) for name, array in embedding.arrays.items()}
    sizes = (embedding.width, embedding.height, embedding.input_width, embedding.input_height)
    return arrays, embedding.segmenter, sizes, embedding.evidence


def described(array: NDArray[np.generic]) -> tuple[object, ...]:
    return array.dtype.str, array.shape, array.tobytes()


class Watched(DurableTier):
    """A tier with clocks of its own, which counts its problems."""

    def __init__(self, durable: Path | str, segmenter: str = SEGMENTER, **options: float) -> None:
        built = DurableOptions.model_validate({"durable": str(durable), **options})
        self.seconds = 0.0
        self.date = 1e9
        super().__init__(built, segmenter, clock=lambda: self.seconds, now=lambda: self.date)
        self.problems: list[str] = []
        self.on_problem = self.problems.append

    async def sweep(self) -> None:
        """As when one is due; joins a sweep that is under way."""
        await self._sweeper.start()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's rights, to whom no folder is read-only."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
