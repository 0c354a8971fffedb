"""The application with a segmenter that decodes in no time, so that a click takes the framework's time
alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ray.serve import Application

from segmenters import registry
from segmenters.registry import Choice
from serve_app.app import build as build_app
from serve_app.settings import Settings
from values.embedding import Embedding
from values.image import ModelSize, Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt

SIDE = 64


@dataclass(frozen=True)
class Instant:
    """An embedding as large as SAM's (1 x 256 x 64 x 64 float32, 4 MiB), and a square for every prompt."""

    name: str = "instant"
    version: str = "instant-1"
    input: ModelSize = field(default_factory=lambda: ModelSize(1024))
    refines: bool = False
    device: str = "cpu"

    def load_encoder(self, threads: int) -> "Instant":
        """Nothing to load."""
        return self

    def load_decoder(self, threads: int) -> "Instant":
        """Nothing to load."""
        return self

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """Zeros."""
        features = np.zeros((1, 256, 64, 64), np.float32)
        sizes = [(pixels.width, pixels.height, pixels.rgb.shape[1], pixels.rgb.shape[0]) for pixels in batch]
        return [Embedding({"features": features}, self.version, *size) for size in sizes]

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """A square in the middle of the image."""
        logits = np.full((1, SIDE, SIDE), -1, np.float32)
        logits[:, SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4] = 1
        return Masks(logits, np.ones(1, np.float32), Frame(None, (SIDE, SIDE)))


def build(settings: Settings) -> Application:
    """The application, whatever model the settings name."""
    choice = Choice(Instant(), "a benchmark", fallback=False)
    registry.choose = lambda options, *, gpu=False: choice
    return build_app(settings)
