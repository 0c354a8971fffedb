"""The application with an encoder that loads once the file GATE exists and takes ENCODE_S an image."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ray.serve import Application

from segmenters import registry
from segmenters.registry import Choice
from serve_app.app import build as build_app
from serve_app.settings import Settings
from testing.instant import Instant
from values.embedding import Embedding
from values.image import Pixels


@dataclass(frozen=True)
class SlowToLoad(Instant):
    """A device that is busy for a while with every image and takes no CPU, behind weights of gigabytes."""

    name: str = "slow"
    version: str = "slow-1"
    seconds: float = 0.0
    admission: str = ""

    def load_encoder(self, threads: int) -> "SlowToLoad":
        """Block as a constructor that reads a checkpoint does."""
        while not Path(self.admission).exists():
            time.sleep(0.1)
        return self

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """Zeros, after a while."""
        time.sleep(self.seconds * len(batch))
        return super().encode(batch)


def build(settings: Settings) -> Application:
    """The application, whatever model the settings name."""
    slow = SlowToLoad(seconds=float(os.environ["ENCODE_S"]), admission=os.environ["GATE"])
    choice = Choice(slow, "a test", fallback=False)
    registry.choose = lambda options, *, gpu=False: choice
    return build_app(settings)
