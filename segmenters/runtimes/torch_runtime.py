"""torch, which runs both halves on a GPU, and on CPU where the settings name it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from segmenters.architectures import MEAN, SIDE, STD
from segmenters.runtimes.narrow_weights import narrow
from segmenters.runtimes.session import Array, device_failure
from values.errors import ModelError, OutOfMemory

COMPILED = (1, 2, 4, 8)
"""Images of the batches that a compiled encoder takes: each takes a minute or so to compile."""


class TorchSession:
    """A decoder as a ``segmenters.runtimes.session.Session``, on any device."""

    def __init__(self, device: TorchDevice, module: nn.Module, outputs: Sequence[str]) -> None:
        """``outputs``: the names of what ``module`` gives, in order."""
        self._device = device
        self._module = device.take(module)
        self._outputs = tuple(outputs)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """The outputs of these names."""
        with self._device.computing():
            tensors = {name: self._device.tensor(array) for name, array in inputs.items()}
            found = dict(zip(self._outputs, self._module(**tensors), strict=True))
            return {name: self._device.array(found[name]) for name in outputs}


class TorchFeatures:
    """An encoder as ``segmenters.sam.load.Features``, on any device.

    Pixels go to the device as they are and are normalised there; a batch is computed at once.
    """

    def __init__(
        self, device: TorchDevice, module: nn.Module, outputs: Sequence[str], *, compiled: bool
    ) -> None:
        """``outputs``: the names of what ``module`` gives, in order. ``compiled``: compile for batches of
        ``COMPILED`` images, now and not when annotators wait; others are filled up to one of these."""
        self._device = device
        self._module = device.take(module)
        self._outputs = tuple(outputs)
        self._mean, self._std = (
            torch.tensor(of, device=device.torch_device).reshape(3, 1, 1) for of in (MEAN, STD)
        )
        self._compiled = compiled
        if compiled:
            self._module.compile(dynamic=False)
            for size in COMPILED:
                self.features([np.zeros((SIDE, SIDE, 3), np.uint8)] * size)

    @property
    def device(self) -> str:
        """Where it computes: ``cpu``, ``cuda`` or ``cuda:N``."""
        return str(self._device.torch_device)

    def features(self, batch: Sequence[NDArray[np.generic]]) -> list[dict[str, Array]]:
        """The arrays of each image, whose pixels are HxWx3, 0..255, of 1024 x 1024 at most."""
        most = COMPILED[-1] if self._compiled else len(batch)
        parts = [batch[start : start + most] for start in range(0, len(batch), most)]
        return [arrays for part in parts for arrays in self._computed(part)]

    def _computed(self, batch: Sequence[NDArray[np.generic]]) -> list[dict[str, Array]]:
        with self._device.computing():
            images = self._device.images([self._canvas(rgb) for rgb in self._filled(batch)])
            found = dict(zip(self._outputs, self._module(images), strict=True))
            arrays = {name: self._device.array(tensor[: len(batch)]) for name, tensor in found.items()}
        return [
            {name: array[index : index + 1] for name, array in arrays.items()} for index in range(len(batch))
        ]

    def _filled(self, batch: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        """The batch, with its first image again until it has a size that is compiled."""
        size = next(size for size in COMPILED if size >= len(batch)) if self._compiled else len(batch)
        return [*batch, *[batch[0]] * (size - len(batch))]

    def _canvas(self, rgb: NDArray[np.generic]) -> Tensor:
        """(3, 1024, 1024) float32, what ``segmenters.sam.inputs.canvas`` makes on CPU."""
        pixels = self._device.tensor(rgb).permute(2, 0, 1).float()
        height, width = pixels.shape[1:]
        return functional.pad((pixels - self._mean) / self._std, (0, SIDE - width, 0, SIDE - height))


class TorchDevice:
    """A device, and the precision that it computes in."""

    def __init__(self, device: str, threads: int, *, bfloat16: bool) -> None:
        """``device``: ``cpu``, ``cuda`` or ``cuda:N``. ``threads`` compute a call on CPU; sets torch to that.

        Raises ``values.errors.ModelError`` for a device that this process does not have.
        """
        self.torch_device = torch.device(device)
        self.narrow: torch.dtype | None = torch.bfloat16 if bfloat16 else None
        """What products are computed in, where that is not float32."""
        # From pinned memory a GPU copies several times as fast, and its convolutions want channels last.
        self._pinned = self.torch_device.type == "cuda"
        self._format = torch.channels_last if self._pinned else torch.contiguous_format
        if self.torch_device.type == "cuda":
            _check_cuda(device)
        self._threads = None if self.torch_device.type == "cuda" else threads
        self._take_threads()

    def take(self, module: nn.Module) -> nn.Module:
        """The module on this device, its weights in the precision of its products."""
        with self._explained("load a model"):
            if self.narrow is not None:
                narrow(module, self.narrow)
            placed = module.to(self.torch_device)
            placed.to(memory_format=self._format)  # type: ignore[call-overload]  # torch's stubs lack it
            return placed.eval()

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Without gradients, in this precision; errors become ``values.errors.DeviceFailed``."""
        kind, to = self.torch_device.type, self.narrow
        cast_to = contextlib.nullcontext() if to is None else torch.autocast(kind, to)
        self._take_threads()
        with self._explained("run the model"), torch.inference_mode(), cast_to:
            yield

    def _take_threads(self) -> None:
        """torch counts threads for each thread that calls it, and this process may have other devices."""
        if self._threads is not None and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)

    def tensor(self, array: Array) -> Tensor:
        """The array on this device; it may be read-only and is not written."""
        return torch.tensor(array, pin_memory=self._pinned).to(self.torch_device, non_blocking=True)

    def images(self, images: Sequence[Tensor]) -> Tensor:
        """Images on this device as the batch that convolutions here take best."""
        return torch.stack(tuple(images)).contiguous(memory_format=self._format)

    def array(self, tensor: Tensor) -> Array:
        """The tensor as float32 on CPU."""
        array = torch.empty(tensor.shape, dtype=torch.float32, pin_memory=self._pinned)
        return cast(Array, array.copy_(tensor).numpy())

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError:
            if self.torch_device.type == "cuda":
                with contextlib.suppress(RuntimeError):  # of a device that takes nothing any more
                    torch.cuda.empty_cache()
            raise OutOfMemory(
                f"{self.torch_device} has too little free memory to {what}; choose a smaller model, stop "
                "what else runs there, or give each encoder replica a whole GPU (num_gpus: 1)"
            ) from None
        except (RuntimeError, MemoryError) as error:
            raise device_failure(f"torch failed to {what} on {self.torch_device}", error) from None


def cuda_is_available() -> bool:
    """Whether this process sees a GPU that this build of torch can use."""
    return torch.cuda.is_available()


def _check_cuda(device: str) -> None:
    if not cuda_is_available():
        raise ModelError(
            f"the settings ask for {device} and this process has no GPU that torch {torch.__version__} can "
            "use; give the deployment one (ray_actor_options: {num_gpus: 1}), check `nvidia-smi`, or set "
            "DEVICE=cpu"
        )
    index = torch.device(device).index or 0
    if index >= torch.cuda.device_count():
        raise ModelError(
            f"the settings ask for {device} and this process sees {torch.cuda.device_count()} GPUs, counted "
            "from cuda:0; Ray gives each replica its own, so `cuda` alone is nearly always right"
        )
