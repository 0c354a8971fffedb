"""The application with an encoder whose device can be made to fail, by files in the folder BREAK_DEVICE.

``FULL``: while that file is there, nothing more can be allocated on the device. ``BROKEN``: the next encoder
that sees it takes it away and makes an error after which a GPU computes nothing more for its process. On a
CPU the errors of torch are raised in place.
"""

# No `from __future__ import annotations` here: Ray reads the type of build's argument.
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from ray.serve import Application

from segmenters import registry
from segmenters.options import ModelOptions
from segmenters.registry import Choice
from segmenters.runtimes.torch_runtime import TorchDevice
from segmenters.segmenter import Decoder, Encoder, Segmenter
from serve_app.app import build as build_app
from serve_app.settings import Settings
from values.embedding import Embedding
from values.image import ModelSize, Pixels

FOLDER = "BREAK_DEVICE"
FULL, BROKEN = "full", "broken"


class BreakableEncoder:
    """``encoder``, on a device that the files in ``folder`` break."""

    def __init__(self, encoder: Encoder, folder: Path, threads: int) -> None:
        self.device = encoder.device
        self._encoder = encoder
        self._folder = folder
        self._place = TorchDevice(encoder.device, threads, bfloat16=False)
        self._broken = False

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """As the encoder does. Raises what the runtime raises where the device fails."""
        with suppress(FileNotFoundError):
            (self._folder / BROKEN).unlink()
            self._broken = True
        with self._place.computing():
            if self.device == "cpu":
                self._imitate()
            else:
                self._cause()
        return self._encoder.encode(batch)

    def _imitate(self) -> None:
        if self._broken:
            raise RuntimeError("CUDA error: device-side assert triggered")
        if (self._folder / FULL).exists():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    def _cause(self) -> None:
        device = self._place.torch_device
        if self._broken:
            two = torch.zeros(2, device=device)
            two[torch.tensor([7], device=device)].sum()
            torch.cuda.synchronize(device)
        full = (self._folder / FULL).exists()
        if full:
            torch.cuda.empty_cache()  # what is kept for later would do for a while
        total = torch.cuda.get_device_properties(device).total_memory
        share = torch.cuda.memory_reserved(device) / total if full else 1.0
        torch.cuda.set_per_process_memory_fraction(share, device)


@dataclass(frozen=True)
class Breakable:
    """``whole``, with such an encoder."""

    whole: Segmenter
    folder: Path

    @property
    def name(self) -> str:
        """Its name."""
        return self.whole.name

    @property
    def version(self) -> str:
        """Its version."""
        return self.whole.version

    @property
    def input(self) -> ModelSize:
        """The size in which it takes images."""
        return self.whole.input

    @property
    def refines(self) -> bool:
        """Whether it refines."""
        return self.whole.refines

    def load_encoder(self, threads: int) -> BreakableEncoder:
        """Its encoder, which can be broken."""
        return BreakableEncoder(self.whole.load_encoder(threads), self.folder, threads)

    def load_decoder(self, threads: int) -> Decoder:
        """Its decoder."""
        return self.whole.load_decoder(threads)


def build(settings: Settings) -> Application:
    """The application of the settings, its model breakable."""
    choose, folder = registry.choose, Path(os.environ[FOLDER])

    def breakable(options: ModelOptions, *, gpu: bool = False) -> Choice:
        choice = choose(options, gpu=gpu)
        return replace(choice, segmenter=Breakable(choice.segmenter, folder))

    registry.choose = breakable
    return build_app(settings)
