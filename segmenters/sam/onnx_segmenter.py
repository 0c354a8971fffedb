"""SAM with its decoder in an ONNX file, as Label Studio's SAM example has it.

Its encoder is one of our models, or an ONNX file as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segmenters.architectures import SIDE, Family
from segmenters.checkpoints.digest import sha256_of
from segmenters.options import ModelOptions
from segmenters.preflight import onnx_decoder_of, onnx_encoder_of
from segmenters.runtimes.onnx_decoder import read_decoder
from segmenters.runtimes.onnx_encoder import read_encoder
from segmenters.runtimes.session import Half, Session
from segmenters.sam.decoder import SamDecoder
from segmenters.sam.execution import Execution, Settled
from segmenters.sam.load import SessionFeatures, open_graph
from segmenters.sam.segmenter import SamEncoder, SegmentAnything
from segmenters.sam.segmenter import make as make_of_checkpoint
from values.errors import ModelError
from values.image import ModelSize

_EMBEDDING = "image_embeddings"


def make(name: str, options: ModelOptions) -> OnnxSam:
    """The model ``name`` of the files, or of the encoder, that the options name.

    Raises ``values.errors.ModelError`` for what is not named, missing, or no half of SAM.
    """
    decoder = onnx_decoder_of(options)
    encoder = _encoder(options)
    decoder_file = OnnxFile(decoder, sha256_of(decoder))
    segmenter = OnnxSam(encoder, decoder_file, Execution.of(options), name)
    segmenter.check()
    return segmenter


def _encoder(options: ModelOptions) -> SegmentAnything | OnnxFile:
    named = onnx_encoder_of(options)
    return (
        OnnxFile(named, sha256_of(named)) if isinstance(named, Path) else make_of_checkpoint(named, options)
    )


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """An ONNX file. ``sha256``: of the content that it had when the application started."""

    path: Path
    sha256: str

    def checked(self) -> Path:
        """The path; raises ``values.errors.ModelError`` when the file is no longer the same."""
        if sha256_of(self.path) != self.sha256:
            raise ModelError(f"{self.path} has changed since the application started; start it again")
        return self.path


@dataclass(frozen=True, slots=True)
class OnnxSam:
    """Description of an encoder and a decoder. Nothing in their files tells whether they are of one model."""

    encoder: SegmentAnything | OnnxFile
    decoder: OnnxFile
    execution: Execution
    name: str = "onnx"

    @property
    def version(self) -> str:
        """The beginnings of both halves' SHA-256, such as ``onnx-6dbb9052-1f0c2a44``."""
        encoder = self.encoder
        weights = encoder.sha256 if isinstance(encoder, OnnxFile) else encoder.checkpoint.sha256
        return f"{self.name}-{weights[:8]}-{self.decoder.sha256[:8]}"

    @property
    def refines(self) -> bool:
        """True, because SAM's mask input takes the logits of an earlier answer."""
        return True

    @property
    def input(self) -> ModelSize:
        """The size of SAM: a long side of 1024 pixels, and padding for the other."""
        return ModelSize(SIDE)

    def check(self) -> None:
        """Raises ``values.errors.ModelError`` for a file that is not an encoder or decoder of SAM, and for an
        execution that ONNX files have not."""
        self.execution.of_file(Half.DECODER)
        read_decoder(self.decoder.path)
        if isinstance(self.encoder, OnnxFile):
            self.execution.of_file(Half.ENCODER)
            read_encoder(self.encoder.path)

    def load_encoder(self, threads: int) -> SamEncoder:
        """Load the encoder half; an ONNX file runs on CPU."""
        if isinstance(self.encoder, SegmentAnything):
            return SamEncoder(self.encoder.features(threads), self.version)
        file = read_encoder(self.encoder.checked())
        session = open_graph(file.path, self.execution.of_file(Half.ENCODER), threads)
        return SamEncoder(SessionFeatures(session, {_EMBEDDING: file.output}, file.input), self.version)

    def load_decoder(self, threads: int) -> SamDecoder:
        """Load the decoder half, without its nodes that make masks of one size of image."""
        file = read_decoder(self.decoder.checked())
        settled = self.execution.of_file(Half.DECODER)
        session = open_graph(file.graph, settled, threads)
        return SamDecoder(session, Family.SAM, self.version, _FileSessions(file.graph, settled), threads)


@dataclass(frozen=True, slots=True)
class _FileSessions:
    """Sessions of a decoder's file, which takes one prompt at a time: its exporter fixes that."""

    graph: bytes
    settled: Settled

    def click(self, threads: int) -> Session:
        return open_graph(self.graph, self.settled, threads)

    def batch(self, _threads: int, _most: int) -> None:
        return None
