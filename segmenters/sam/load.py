"""Loads the halves of a model of the family into the runtime that is to run them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segmenters.architectures import Architecture
from segmenters.runtimes.exported_graphs import exported
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from segmenters.runtimes.openvino_runtime import OpenVinoSession
from segmenters.runtimes.session import Array, Half, Session
from segmenters.sam.execution import Execution, Runtime, Settled
from segmenters.sam.inputs import canvas
from values.errors import ModelError

logger = logging.getLogger("ray.serve")


class Features(Protocol):
    """An encoder in any runtime."""

    @property
    def device(self) -> str:
        """Where it computes: ``cpu``, ``cuda`` or ``cuda:N``."""
        ...

    def features(self, batch: Sequence[NDArray[np.generic]]) -> list[dict[str, Array]]:
        """The arrays of each image, whose pixels are HxWx3, 0..255, of 1024 x 1024 at most.

        Raises ``values.errors.DeviceFailed`` when the runtime fails.
        """
        ...


class SessionFeatures:
    """An encoder in a session on CPU that takes one image at a time."""

    device = "cpu"

    def __init__(self, session: Session, outputs: Mapping[str, str], image: str = "image") -> None:
        """``outputs``: the session's name for each array of an embedding. ``image``: that of its input."""
        self._session = session
        self._outputs = dict(outputs)
        self._image = image

    def features(self, batch: Sequence[NDArray[np.generic]]) -> list[dict[str, Array]]:
        """The arrays of each image; the images are computed one after the other."""
        return [self._one(rgb) for rgb in batch]

    def _one(self, rgb: NDArray[np.generic]) -> dict[str, Array]:
        found = self._session.run({self._image: canvas(rgb)}, tuple(self._outputs.values()))
        return {name: found[theirs] for name, theirs in self._outputs.items()}


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's checkpoint on disk. ``folder``: the models folder, where exported graphs are kept."""

    architecture: Architecture
    checkpoint: Path
    sha256: str
    folder: Path


def open_features(weights: Weights, execution: Execution, threads: int) -> Features:
    """The encoder half; ``threads`` compute an image on CPU. Raises ``values.errors.ModelError``."""
    settled = _announced(weights, execution, Half.ENCODER)
    graph = _graph(weights, Half.ENCODER, settled)
    outputs = tuple(weights.architecture.outputs)
    if graph is not None:
        same = dict(zip(outputs, outputs, strict=True))
        return SessionFeatures(open_graph(graph, settled, threads), same)
    # Imported here because torch takes seconds and hundreds of MB, which halves on CPU need not have.
    from segmenters.networks.loading import load
    from segmenters.runtimes.torch_runtime import TorchDevice, TorchFeatures

    device = TorchDevice(settled.device, threads, bfloat16=settled.bfloat16)
    module = load(weights.architecture, Half.ENCODER, weights.checkpoint)
    return TorchFeatures(device, module, outputs, compiled=settled.compile)


def open_decoder(weights: Weights, execution: Execution, threads: int) -> Session:
    """The decoder half; ``threads`` compute a click on CPU. Raises ``values.errors.ModelError``."""
    settled = _announced(weights, execution, Half.DECODER)
    graph = _graph(weights, Half.DECODER, settled)
    if graph is not None:
        return open_graph(graph, settled, threads)
    from segmenters.networks.loading import load, outputs
    from segmenters.runtimes.torch_runtime import TorchDevice, TorchSession

    device = TorchDevice(settled.device, threads, bfloat16=settled.bfloat16)
    module = load(weights.architecture, Half.DECODER, weights.checkpoint)
    return TorchSession(device, module, outputs(weights.architecture, Half.DECODER))


def open_graph(graph: Path | bytes, settled: Settled, threads: int) -> Session:
    """An ONNX graph in the settled runtime, which is not torch."""
    if settled.runtime is Runtime.OPENVINO:
        return OpenVinoSession(graph, threads, bfloat16=settled.bfloat16)
    return OnnxRuntimeSession(graph, threads)


def _announced(weights: Weights, execution: Execution, half: Half) -> Settled:
    settled = execution.settled(half)
    logger.info("the %s of %s runs in %s", half, weights.architecture.name, settled)
    return settled


def _graph(weights: Weights, half: Half, settled: Settled) -> Path | None:
    """The exported graph, or None where torch runs the checkpoint itself."""
    if settled.runtime is Runtime.TORCH:
        return None
    try:
        return exported(weights.architecture, half, weights.checkpoint, weights.sha256, weights.folder)
    except ModelError as error:
        logger.warning("%s; torch runs the %s instead, slower and in more memory", error.detail, half)
        return None
