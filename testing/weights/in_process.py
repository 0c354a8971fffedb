"""A segmenter in this process that does what the application's replicas do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embeddings.memory import MemoryTier
from imaging.decoding import decode
from imaging.options import ImageOptions
from protocol import brush_rle
from segmenters.candidates import ranked
from segmenters.refining import Refiner
from segmenters.resample import to_mask
from segmenters.segmenter import Decoder, Segmenter
from values.cores import usable_cores
from values.embedding import Embedding
from values.masks import Masks
from values.prompt import Prompt

Mask = NDArray[np.bool_]
Decode = Callable[[str, Embedding, Prompt], Masks]

# Pixels whose logit is nearly zero may differ: runtimes round differently with other numbers of threads.
TOLERANCE = 4


class InProcess:
    """Both halves of a segmenter, which remember the pictures they have encoded."""

    def __init__(self, segmenter: Segmenter) -> None:
        cores = min(4, usable_cores())
        self.segmenter = segmenter
        self._encoder = segmenter.load_encoder(cores)
        decoder = segmenter.load_decoder(max(1, cores // 2))
        self._decode = Refiner(decoder, MemoryTier(2**26)).decode if segmenter.refines else _plain(decoder)
        self._embeddings: dict[bytes, Embedding] = {}

    def masks(
        self, picture: bytes, prompts: Sequence[Prompt], candidates: Literal["best", "all"] = "best"
    ) -> list[tuple[Mask, float]]:
        """(HxW mask, score in 0..1) of each prompt on a picture, an image file; empty masks are left out."""
        embedding = self._embedding(picture)
        found = []
        for prompt in prompts:
            masks = self._decode(sha256(picture).hexdigest(), embedding, prompt)
            for logits, score in ranked(masks)[: None if candidates == "all" else 1]:
                mask = to_mask(logits, masks.frame, embedding.width, embedding.height)
                found += [(mask, score)] if mask.any() else []
        return found

    def _embedding(self, picture: bytes) -> Embedding:
        if picture not in self._embeddings:
            pixels = decode(picture, self.segmenter.input, ImageOptions())
            [self._embeddings[picture]] = self._encoder.encode([pixels])
        return self._embeddings[picture]


def _plain(decoder: Decoder) -> Decode:
    return lambda key, embedding, prompt: decoder.decode(embedding, prompt)


def difference(regions: Sequence[dict[str, Any]], expected: Sequence[tuple[Mask, float]]) -> str:
    """How the brush regions of an answer differ from the masks that are expected; nothing if they do not."""
    if len(regions) != len(expected):
        return f"{len(regions)} regions instead of {len(expected)}"
    said = []
    for number, (region, (mask, score)) in enumerate(zip(regions, expected, strict=True)):
        pixels = int(np.count_nonzero(region_mask(region) != mask))
        if pixels > TOLERANCE:
            said.append(f"region {number} differs in {pixels} of {mask.size} pixels")
        if not 0 <= region["score"] <= 1 or abs(region["score"] - score) > 1e-3:
            said.append(f"region {number} has the score {region['score']} instead of {score}")
    return ", ".join(said)


def region_mask(region: dict[str, Any]) -> Mask:
    """HxW mask of a brush region, in a moment; Label Studio's own code takes minutes for a photograph."""
    rle = np.array(region["value"]["rle"], np.uint8).tobytes()
    return brush_rle.decode(rle, region["original_height"], region["original_width"])
