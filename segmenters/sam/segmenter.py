"""A model of the Segment Anything family with its weights, and its two halves, encoder and decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segmenters.architectures import Architecture
from segmenters.automatic.filters import SAM, SAM2, Nature
from segmenters.checkpoints.fetch import fetch
from segmenters.checkpoints.locate import Checkpoint, checkpoint_of, model_folder
from segmenters.checkpoints.progress import LogProgress
from segmenters.models import ARCHITECTURES, PUBLISHED
from segmenters.options import ModelOptions
from segmenters.sam.decoder import SamDecoder
from segmenters.sam.execution import Execution
from segmenters.sam.load import Features, HalfSessions, Weights, open_features
from values.embedding import Embedding
from values.image import ModelSize, Pixels


class SamEncoder:
    """Encodes images with the arrays that its runtime gives."""

    def __init__(self, features: Features, version: str) -> None:
        self._features = features
        self._version = version

    @property
    def device(self) -> str:
        """Where it computes: ``cpu``, ``cuda`` or ``cuda:N``."""
        return self._features.device

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """One embedding per image, in order.

        Arrays are those of ``Architecture.outputs`` with a leading 1, float32. Raises
        ``values.errors.DeviceFailed`` when the model cannot run.
        """
        found = self._features.features([pixels.rgb for pixels in batch])
        embeddings = []
        for arrays, pixels in zip(found, batch, strict=True):
            height, width = pixels.rgb.shape[:2]
            embeddings.append(Embedding(arrays, self._version, pixels.width, pixels.height, width, height))
        return embeddings


def make(name: str, options: ModelOptions) -> SegmentAnything:
    """The model ``name`` with the weights and the execution that the options ask for.

    A checkpoint that may be downloaded is taken as it will be; one that is there, or has to be, is checked.
    Raises ``values.errors.ModelError`` for one that is missing, damaged or of another model.
    """
    checkpoint = checkpoint_of(name, options)
    if checkpoint.path.exists() or checkpoint.url is None:
        fetch(checkpoint)  # raises when it is missing or not what it must be
        _check_model(checkpoint, name)
    return SegmentAnything(name, checkpoint, Execution.of(options), model_folder(options))


def _check_model(checkpoint: Checkpoint, name: str) -> None:
    """Raises ``values.errors.ModelError`` for weights of another model; a hash tells the published ones."""
    if checkpoint.sha256 != PUBLISHED[name].sha256:
        from segmenters.networks.loading import check  # torch, which most starts do without

        check(ARCHITECTURES[name], checkpoint.path)


@dataclass(frozen=True, slots=True)
class SegmentAnything:
    """Description of one model. ``name``: of its architecture. ``folder``: the models folder."""

    name: str
    checkpoint: Checkpoint
    execution: Execution
    folder: Path

    @property
    def architecture(self) -> Architecture:
        """The architecture that the weights are for."""
        return ARCHITECTURES[self.name]

    @property
    def version(self) -> str:
        """The name and the beginning of the weights' SHA-256, such as ``mobile_sam-6dbb9052``."""
        return f"{self.name}-{self.checkpoint.sha256[:8]}"

    @property
    def refines(self) -> bool:
        """True, because the family's mask input takes the logits of an earlier answer."""
        return True

    @property
    def nature(self) -> Nature:
        """The defaults of the publisher's own mask generator."""
        return SAM2 if self.architecture.family.as_sam2 else SAM

    @property
    def input(self) -> ModelSize:
        """The size in which the encoder takes images."""
        return self.architecture.input

    def weights(self) -> Weights:
        """The checkpoint on disk. A missing one is downloaded first, where it may be."""
        path = fetch(self.checkpoint, LogProgress(self.name))
        return Weights(self.architecture, path, self.checkpoint.sha256, self.folder)

    def features(self, threads: int) -> Features:
        """The encoder as it gives its arrays, which ``load_encoder`` makes embeddings of."""
        return open_features(self.weights(), self.execution, threads)

    def load_encoder(self, threads: int) -> SamEncoder:
        """Load the encoder half. Downloads and exports first what is missing."""
        return SamEncoder(self.features(threads), self.version)

    def load_decoder(self, threads: int) -> SamDecoder:
        """Load the decoder half. Downloads and exports first what is missing."""
        sessions = HalfSessions(self.weights(), self.execution)
        first = sessions.first(threads)
        return SamDecoder(first, self.architecture.family, self.version, sessions, threads)
