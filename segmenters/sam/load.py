"""Loads the halves of a model of the family into the runtime that is to run them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from segmenters.architectures import Architecture
from segmenters.runtimes.exported_graphs import IMAGE_PART, PROMPTS_PART, exported
from segmenters.runtimes.idle_cores import where_idle
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from segmenters.runtimes.openvino_runtime import OpenVinoSession
from segmenters.runtimes.session import Array, Half, Session
from segmenters.sam.execution import Execution, Runtime, Settled
from segmenters.sam.inputs import canvas
from segmenters.sam.prompt_batch import PromptBatch
from values.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

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


@dataclass(frozen=True, slots=True)
class HalfSessions:
    """Sessions of a decoder half with its weights. Each raises ``values.errors.ModelError``."""

    weights: Weights
    execution: Execution

    def first(self, threads: int) -> Session:
        """One for a click; ``threads`` compute it on CPU. The log says what runs."""
        return self._click(_announced(self.weights, self.execution, Half.DECODER), threads)

    def click(self, threads: int) -> Session | None:
        """The same again; None on a GPU."""
        settled = self.execution.settled(Half.DECODER)
        return self._click(settled, threads) if settled.device == "cpu" else None

    def batch(self, threads: int, most: int) -> PromptBatch:
        """Those for many prompts on one image, in float32; on CPU ``threads`` compute a call, or ``most``.

        In bfloat16 the deviation of a cell would be a difference of rounded numbers.
        """
        settled = replace(self.execution.settled(Half.DECODER), bfloat16=False)
        shared = self.weights.architecture.shared
        graph = _graph(self.weights, Half.DECODER, settled)
        if graph is not None:
            image = open_graph(graph.with_name(IMAGE_PART), settled, threads)
            part = graph.with_name(PROMPTS_PART)
            prompts = where_idle(lambda threads: open_graph(part, settled, threads), threads, most)
            return PromptBatch(image, prompts, shared)
        from segmenters.networks.prompt_batch import ImagePart, PromptsPart
        from segmenters.runtimes.torch_runtime import TorchDevice, TorchSession

        module, answer = self._module()
        device = TorchDevice(settled.device, most, bfloat16=False)
        image = TorchSession(device, ImagePart(module), shared)
        prompts = TorchSession(device, PromptsPart(module), answer)
        return PromptBatch(image, prompts, shared, shared_in_place=False)

    def _click(self, settled: Settled, threads: int) -> Session:
        graph = _graph(self.weights, Half.DECODER, settled)
        if graph is not None:
            return open_graph(graph, settled, threads)
        from segmenters.runtimes.torch_runtime import TorchDevice, TorchSession

        return TorchSession(TorchDevice(settled.device, threads, bfloat16=settled.bfloat16), *self._module())

    def _module(self) -> tuple[nn.Module, tuple[str, ...]]:
        """The half in torch, and the names of what it gives."""
        from segmenters.networks.loading import load, outputs

        architecture = self.weights.architecture
        return load(architecture, Half.DECODER, self.weights.checkpoint), outputs(architecture, Half.DECODER)


def open_decoder(weights: Weights, execution: Execution, threads: int) -> Session:
    """The decoder half for a click; ``threads`` compute it on CPU. Raises ``values.errors.ModelError``."""
    return HalfSessions(weights, execution).first(threads)


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
