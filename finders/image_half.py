"""The half of a detector that sees pictures and knows nothing of a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from finders.architecture import Architecture
from finders.picture import canvas
from segmenters.runtimes.torch_runtime import TorchDevice
from values.errors import DeviceFailed
from values.found import Found
from values.image import Pixels

Floats = NDArray[np.float32]


class ImageHalf:
    """Pictures to what is found in them, a batch at once."""

    def __init__(
        self, architecture: Architecture, network: nn.Module, finder: str, device: TorchDevice
    ) -> None:
        self.architecture = architecture
        self.finder = finder
        self._device = device
        self._network = device.take(network)

    def find(self, batch: Sequence[Pixels]) -> list[Found]:
        """What is in each of these pictures, which may be of any size.

        Raises ``values.errors.DeviceFailed`` where the device fails, or gives what is no number.
        """
        if not batch:
            return []
        side = self.architecture.side
        canvases = [canvas(pixels, side) for pixels in batch]
        with self._device.computing():
            images = self._device.images([self._device.tensor(each) for each in canvases])
            shares = self._device.tensor(np.array([_shares(pixels) for pixels in batch], np.float32))
            outputs: tuple[torch.Tensor, ...] = self._network(images, shares)
            arrays = [self._device.array(output) for output in outputs]
        return [
            self._found(pixels, *(array[index] for array in arrays)) for index, pixels in enumerate(batch)
        ]

    def _found(self, pixels: Pixels, boxes: Floats, *rest: Any) -> Found:
        objectness, vectors, shift, scale = rest
        height, width = pixels.rgb.shape[:2]
        corners = in_the_picture(boxes, width, height)
        kept = (objectness > -np.inf) & (corners[:, 2:] > corners[:, :2]).all(1)
        numbers = all(np.isfinite(array[kept]).all() for array in rest)
        if not numbers or np.isnan(boxes).any() or np.isnan(objectness).any():
            raise DeviceFailed(
                f"{self._device.torch_device} gave no numbers for an image; check the GPU, or the weights of "
                f"{self.finder}"
            )
        return Found(
            boxes=corners[kept],
            objectness=objectness[kept],
            vectors=vectors[kept].astype(np.float16),
            shift=shift[kept],
            scale=scale[kept],
            finder=self.finder,
            width=pixels.width,
            height=pixels.height,
            input_width=width,
            input_height=height,
            evidence=pixels.evidence,
        )


def in_the_picture(boxes: Floats, width: int, height: int) -> Floats:
    """(N, 4) corners as fractions of a picture of ``width`` x ``height``, cut at its borders.

    ``boxes``: (N, 4) centres and sizes as fractions of the square to which it was padded.
    """
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    corners = np.concatenate((centre - half, centre + half), 1)
    shares = np.array((width, height), np.float64) / max(width, height)
    return np.clip(corners / np.tile(shares, 2), 0, 1).astype(np.float32)


def _shares(pixels: Pixels) -> tuple[float, float]:
    height, width = pixels.rgb.shape[:2]
    return width / max(width, height), height / max(width, height)
