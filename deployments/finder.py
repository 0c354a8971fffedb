"""Finder: pixels become what is found in an image, and phrases become queries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deployments.compute_threads import DECODING, behind_loops, threads_each
from deployments.encoder import Encoder
from deployments.replica_log import said_aloud
from finders.detector import Detector
from values.errors import OtherVersion


class Finder(Encoder):
    """Holds both halves of a detector: the one that sees pictures, as an encoder does, and the one that reads
    phrases, which computes on CPU in a thread of its own and so waits for no picture."""

    def __init__(self, detector: Detector, batch: int) -> None:
        super().__init__(detector, batch)
        self._texts = behind_loops(1, "phrases", DECODING)
        with said_aloud():
            self._text = self._texts.submit(detector.load_phrases, threads_each(1)).result()

    async def ready(self) -> str:
        """A sentence; a replica that has not loaded its model does not answer."""
        return "the finder is ready"

    async def vectors(self, phrases: Sequence[str], version: str) -> NDArray[np.float32]:
        """(Q, D) float32: the query of each phrase; ``protocol.phrases`` bounds how many there are.

        Raises OtherVersion unless this replica serves ``version`` of the model, BadPrompt for a phrase that
        the model cannot read as a whole, and DeviceFailed.
        """
        if version != self._version:
            raise OtherVersion(f"a finder serves {self._version}, and {version} was asked for; try again")
        return await self._texts.run(self._text.vectors, phrases)
