"""A model of the Segment Anything family with its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segmenters.architectures import Architecture
from segmenters.checkpoints.fetch import fetch
from segmenters.checkpoints.locate import Checkpoint, checkpoint_of, model_folder
from segmenters.checkpoints.progress import LogProgress
from segmenters.models import ARCHITECTURES, PUBLISHED
from segmenters.options import ModelOptions
from segmenters.sam.execution import Execution
from segmenters.sam.halves import SamDecoder, SamEncoder
from segmenters.sam.load import Features, Weights, open_decoder, open_features
from values.image import ModelSize


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
        session = open_decoder(self.weights(), self.execution, threads)
        return SamDecoder(session, self.architecture.family, self.version)
