"""Models of stand-in weights at work."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from imaging.decoding import decode
from imaging.options import ImageOptions
from segmenters.architectures import Family
from segmenters.runtimes.session import Session
from segmenters.sam.decoder import SamDecoder
from segmenters.sam.execution import Execution, Runtime
from segmenters.sam.load import open_decoder
from testing.weights import pictures
from testing.weights.models import stand_in
from values.embedding import Embedding

# An encoder takes seconds an image. All see the same canvas, so what becomes of an image's own size is looked
# at in one runtime. ViT-B is in `make test-all` alone: a slim one is compared in each runtime
# (networks/test_onnx_export.py) and with the publisher's code (parity/test_networks.py).
MODELS = ("mobile_sam", "sam2.1_hiera_tiny", pytest.param("sam_vit_b", marks=pytest.mark.full))
_IMAGES = {
    "mobile_sam": ("land", "port", "big"),
    "sam2.1_hiera_tiny": ("land", "big"),
    "sam_vit_b": ("land",),
}


@dataclass(frozen=True)
class AtWork:
    """A model with its decoder, the session in it, and its images encoded."""

    name: str
    family: Family
    session: Session
    decoder: SamDecoder
    embeddings: dict[str, Embedding]


Load = Callable[[str, Execution], AtWork]


def at_work(name: str, execution: Execution, folder: Path) -> AtWork:
    """The model ``name``, loaded from a models folder, with its images encoded from their files."""
    segmenter = stand_in(name, folder, execution)
    family = segmenter.architecture.family
    seen = _IMAGES[name] if execution.runtime is Runtime.ONNXRUNTIME else ("land",)
    images = {image: decode(_file(image), segmenter.input, ImageOptions()) for image in seen}
    encoded = segmenter.load_encoder(2).encode(list(images.values()))
    session = open_decoder(segmenter.weights(), execution, 1)
    decoder = SamDecoder(session, family, segmenter.version)
    return AtWork(name, family, session, decoder, dict(zip(images, encoded, strict=True)))


def _file(image: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pictures.image(image)).save(file, "PNG")
    return file.getvalue()
