"""The application with a segmenter whose encoder only takes time, ENCODE_S seconds an image."""

# No `from __future__ import annotations` here: Ray reads the type of build's argument.
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ray.serve import Application

from segmenters import registry
from segmenters.registry import Choice
from serve_app.app import build as build_app
from serve_app.settings import Settings
from testing.instant import Instant
from values.embedding import Embedding
from values.image import Pixels


@dataclass(frozen=True)
class Slow(Instant):
    """A device that is busy for a while with every image and takes no CPU, as a GPU does."""

    name: str = "slow"
    version: str = "slow-1"
    seconds: float = 1.0

    def load_encoder(self, threads: int) -> "Slow":
        """Nothing to load."""
        return self

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """Zeros, after a while."""
        time.sleep(self.seconds * len(batch))
        return super().encode(batch)


def build(settings: Settings) -> Application:
    """The application, whatever model the settings name."""
    slow = Slow(seconds=float(os.environ.get("ENCODE_S", "1")))
    choice = Choice(slow, "a benchmark", fallback=False)
    registry.choose = lambda options, *, gpu=False: choice
    return build_app(settings)
