"""The encoder: an embedding carries the evidence of the pixels it was made of."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from deployments import encoder
from deployments.encoder import Encoder
from segmenters.classical.segmenter import Classical
from values.image import Pixels
from values.priority import Priority


async def _given(pixels: Pixels) -> Pixels:
    """What a parcel of pixels holds."""
    return pixels


async def test_each_embedding_has_the_evidence_of_its_own_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "threads_each", lambda workers: 1)
    made = Encoder(Classical(), 4)
    images = [Pixels(np.full((8, 8, 3), n, np.uint8), 8, 8, evidence=f"content {n}") for n in range(6)]
    embeddings = await asyncio.gather(
        *(made.encode(pixels.evidence, [_given(pixels)], Priority.CLICK, made._version) for pixels in images)
    )
    assert [each.evidence for each in embeddings] == [each.evidence for each in images]
