"""An encoder as the application runs it in torch, and in dtypes and compile modes that it does not offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segmenters.architectures import Architecture
from segmenters.checkpoints.locate import official_checkpoint
from segmenters.networks.loading import load
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.runtimes.session import Half
from segmenters.runtimes.torch_runtime import TorchDevice, TorchFeatures
from segmenters.sam.inputs import canvas
from segmenters.sam.segmenter import SamEncoder, SegmentAnything
from testing.weights.models import stand_in


class Dtype(StrEnum):
    """What the network computes in: float32 is torch's own, which lets convolutions on a GPU use TF32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Compiling(StrEnum):
    """Modes of torch.compile; the application's setting ``compile`` is ``default``."""

    NONE = "none"
    DEFAULT = "default"
    MAX_AUTOTUNE = "max-autotune"


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run an encoder. ``batch``: images at once."""

    dtype: Dtype
    compiling: Compiling
    batch: int

    def __str__(self) -> str:
        return f"{self.dtype}, compile {self.compiling}, batch {self.batch}"


class Network:
    """An encoder's network on a device, with and without the way there and back."""

    def __init__(
        self, place: TorchDevice, module: nn.Module, architecture: Architecture, version: str
    ) -> None:
        self._place = place
        self._module = module
        self._architecture = architecture
        self._version = version
        features = TorchFeatures(place, module, tuple(architecture.outputs), compiled=False)
        self.encoder = SamEncoder(features, version)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._place.torch_device

    def compiled(self, mode: Compiling) -> Network:
        """The same network, which its first call compiles, as in ``TorchFeatures``."""
        if mode is Compiling.NONE:
            return self
        named = None if mode is Compiling.DEFAULT else str(mode)
        module = cast(nn.Module, torch.compile(self._module, dynamic=False, mode=named))
        return Network(self._place, module, self._architecture, self._version)

    def images(self, batch: Sequence[NDArray[np.uint8]]) -> Tensor:
        """The batch on the device, as the bare network takes it."""
        with self._place.computing():
            return self._place.images([self._place.tensor(canvas(rgb)[0]) for rgb in batch])

    def run(self, images: Tensor) -> None:
        """Compute, and wait for the device."""
        with self._place.computing():
            self._module(images)
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)


def opened(model: SegmentAnything, dtype: Dtype, device: str, threads: int) -> Network:
    """The encoder half of ``model``, not compiled; ``threads`` compute on CPU.

    Raises ``values.errors.ModelError`` as loading in the application does.
    """
    place = place_of(dtype, device, threads)
    weights = model.weights()
    module = place.take(load(weights.architecture, Half.ENCODER, weights.checkpoint))
    return Network(place, module, weights.architecture, model.version)


def place_of(dtype: Dtype, device: str, threads: int) -> TorchDevice:
    """The device, to compute in ``dtype``; ``threads`` compute on CPU.

    Raises ``values.errors.ModelError`` for a device that this process does not have.
    """
    place = TorchDevice(device, threads, bfloat16=dtype is Dtype.BFLOAT16)
    if dtype is Dtype.FLOAT16:  # not among the application's precisions
        place.narrow = torch.float16
    return place


def described(name: str, folder: Path, published: Path) -> SegmentAnything:
    """The model ``name`` with the publisher's checkpoint from ``published`` if it is there.

    Otherwise with stand-in weights, which are written below ``folder``: some have the publisher's file name.
    Raises ``values.errors.ModelError`` for a damaged file.
    """
    options = ModelOptions(model=name, model_dir=published, offline=True)
    if not official_checkpoint(name, options).path.exists():
        own = folder / "stand-ins"
        own.mkdir(exist_ok=True)
        return stand_in(name, own)
    return cast(SegmentAnything, choose(options).segmenter)


def device_described(device: str, threads: int) -> str:
    """The device in one line: a GPU with its memory, or threads.

    Raises ``values.errors.ModelError`` for a device that this process does not have.
    """
    place = place_of(Dtype.FLOAT32, device, threads)
    if place.torch_device.type != "cuda":
        return f"{place.torch_device}, {threads} threads"
    found = torch.cuda.get_device_properties(place.torch_device)
    return f"{found.name}, {found.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
