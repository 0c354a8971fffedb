"""The application with a model whose encoder loads only once the file named by GATE exists."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from ray.serve import Application

from segmenters import registry
from segmenters.classical.segmenter import Classical
from segmenters.registry import Choice
from segmenters.segmenter import Decoder, Encoder
from serve_app.app import build as build_app
from serve_app.settings import Settings
from values.image import ModelSize


@dataclass(frozen=True)
class SlowToLoad:
    """The classical segmenter behind a admission, as weights of gigabytes would be."""

    admission: str
    name: str = "slow"
    version: str = "classical-1"
    refines: bool = False
    input: ModelSize = field(default_factory=lambda: Classical().input)

    def load_encoder(self, threads: int) -> Encoder:
        """Block as a constructor that reads a checkpoint does."""
        while not Path(self.admission).exists():
            time.sleep(0.1)
        return Classical().load_encoder(threads)

    def load_decoder(self, threads: int) -> Decoder:
        """Load at once."""
        return Classical().load_decoder(threads)


def build(settings: Settings) -> Application:
    """The application, whatever model the settings name."""
    choice = Choice(SlowToLoad(os.environ["GATE"]), "a test", fallback=False)
    registry.choose = lambda options, *, gpu=False: choice
    return build_app(settings)
