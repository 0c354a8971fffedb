"""Images that were made ready before anybody clicked on them, and whether that was of use."""

from __future__ import annotations

from deployments.metrics import Metrics
from embeddings.memory import MemoryTier
from values.embedding import Embedding


class ImagesAhead:
    """Counts them. ``kept``: those whose embeddings are in memory. Used from one event loop."""

    def __init__(self, kept: MemoryTier[Embedding], metrics: Metrics) -> None:
        self._kept = kept
        self._metrics = metrics
        self._unclicked: set[str] = set()

    def is_ready(self, key: str) -> None:
        """The image was made ready, and no click waited for it."""
        if key not in self._unclicked:
            self._unclicked.add(key)
            self._metrics.ahead("ready")

    def was_clicked(self, key: str) -> None:
        """Somebody clicked on an image that is kept."""
        if key in self._unclicked:
            self._unclicked.remove(key)
            self._metrics.ahead("used")

    def look(self) -> None:
        """Of those that are not kept any more, count how many nobody had clicked on."""
        gone = {key for key in self._unclicked if key not in self._kept}
        if gone:
            self._unclicked -= gone
            self._metrics.ahead("unused", len(gone))
