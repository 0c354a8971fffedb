"""The application with embeddings as large as SAM 2's, none made before the file named by GATE exists."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ray.serve import Application

from segmenters import registry
from segmenters.registry import Choice
from serve_app.app import build as build_app
from serve_app.settings import Settings
from testing.instant import SIDE, Instant
from values.embedding import Embedding
from values.image import ModelSize, Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt

SHAPES = {"features": (1, 256, 64, 64), "finer": (1, 64, 128, 128), "finest": (1, 32, 256, 256)}
PIXELS_NBYTES = 4 * 3 * 1024**2
EMBEDDING_NBYTES = sum(4 * int(np.prod(shape)) for shape in SHAPES.values())


@dataclass(frozen=True)
class LargeEmbeddings(Instant):
    """All values of an embedding are the mean of its image's, and so many rows of ``SIDE`` are the mask."""

    admission: str = ""
    name: str = "large"
    version: str = "large-1"
    # As SAM 2 takes them: 12 MiB of float32 for each image.
    input: ModelSize = field(default_factory=lambda: ModelSize(1024, keep_aspect=False, fractions=True))

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """16 MiB for each image."""
        while not Path(self.admission).exists():
            time.sleep(0.05)
        return [self._encoded(pixels) for pixels in batch]

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """The upper rows of the image. Raises ValueError for an embedding that is not of one value."""
        [value] = {float(each) for array in embedding.arrays.values() for each in (array.min(), array.max())}
        logits = np.full((1, SIDE, SIDE), -1, np.float32)
        logits[:, : round(value)] = 1
        return Masks(logits, np.ones(1, np.float32), Frame(None, (SIDE, SIDE)))

    def _encoded(self, pixels: Pixels) -> Embedding:
        value = pixels.rgb.mean()
        arrays = {name: np.full(shape, value, np.float32) for name, shape in SHAPES.items()}
        side = self.input.side
        return Embedding(arrays, self.version, pixels.width, pixels.height, side, side)


def build(settings: Settings) -> Application:
    """The application, whatever model the settings name."""
    choice = Choice(LargeEmbeddings(admission=os.environ["GATE"]), "a test", fallback=False)
    registry.choose = lambda options, *, gpu=False: choice
    return build_app(settings)
