"""The application with a segmenter whose decoder only takes time, DECODE_S seconds a prompt and no core."""

# No `from __future__ import annotations` here: Ray reads the type of build's argument.
import os
import time
from dataclasses import dataclass

from ray.serve import Application

from segmenters import registry
from segmenters.registry import Choice
from serve_app.app import build as build_app
from serve_app.settings import Settings
from testing.instant import Instant
from values.embedding import Embedding
from values.masks import Masks
from values.prompt import Prompt


@dataclass(frozen=True)
class SlowDecoder(Instant):
    """Decodes as long as a core would that nobody else needs, so that a small machine has many of them."""

    name: str = "slow-decoder"
    version: str = "slow-decoder-1"
    seconds: float = 0.1

    def load_decoder(self, threads: int) -> "SlowDecoder":
        """Nothing to load."""
        return self

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """A square in the middle of the image, after a while."""
        time.sleep(self.seconds)
        return super().decode(embedding, prompt)


def build(settings: Settings) -> Application:
    """The application, whatever model the settings name."""
    slow = SlowDecoder(seconds=float(os.environ.get("DECODE_S", "0.1")))
    choice = Choice(slow, "a benchmark", fallback=False)
    registry.choose = lambda options, *, gpu=False: choice
    return build_app(settings)
