"""The encoder half and the decoder half of a model of the family."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segmenters.architectures import LOW_RES, SIDE, Family
from segmenters.candidates import candidates
from segmenters.runtimes.session import Session
from segmenters.sam.decoder_inputs import decoder_inputs
from segmenters.sam.load import Features
from values.embedding import Embedding
from values.errors import ModelError
from values.image import Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt

_ANSWER = ("low_res_masks", "iou_predictions")


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


class SamDecoder:
    """Decodes prompts in a session of its runtime."""

    def __init__(self, session: Session, family: Family, version: str) -> None:
        self._session = session
        self._family = family
        self._version = version

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """Three candidates for a single click or box, one for several prompts, of 256 x 256 logits.

        Raises ``values.errors.ModelError`` for an embedding of another segmenter and when the model
        cannot run.
        """
        if embedding.segmenter != self._version:
            raise ModelError(
                f"the decoder of {self._version} cannot read an embedding made by {embedding.segmenter}"
            )
        asked = decoder_inputs(prompt, embedding, self._family)
        answer = self._session.run({**embedding.arrays, **asked}, _ANSWER)
        low_res, scores = (np.asarray(answer[name][0], np.float32) for name in _ANSWER)
        return Masks(*candidates(low_res, scores, prompt, self._family), self._frame(embedding))

    def _frame(self, embedding: Embedding) -> Frame:
        """SAM 2 resamples its logits in one step, SAM by way of the padded canvas."""
        if self._family is Family.SAM2:
            return Frame(None, (LOW_RES, LOW_RES))
        return Frame((SIDE, SIDE), (embedding.input_height, embedding.input_width))
