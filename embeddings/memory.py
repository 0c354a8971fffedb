"""The memory tier: least recently used embeddings leave when the bytes run out."""

from __future__ import annotations

from collections import OrderedDict

from values.embedding import Embedding


class MemoryTier:
    """Embeddings by image key, at most ``max_bytes`` of arrays together.

    An embedding larger than the whole tier is not kept. Not thread-safe: one event loop owns it.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.nbytes = 0
        self._embeddings: OrderedDict[str, Embedding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._embeddings)

    def __contains__(self, key: str) -> bool:
        return key in self._embeddings

    def get(self, key: str) -> Embedding | None:
        """The embedding, now the most recently used, or None."""
        embedding = self._embeddings.get(key)
        if embedding is not None:
            self._embeddings.move_to_end(key)
        return embedding

    def put(self, key: str, embedding: Embedding) -> None:
        """Keep the embedding, and let go of the least recently used ones over the limit."""
        self._drop(key)
        if embedding.nbytes > self.max_bytes:
            return
        self._embeddings[key] = embedding
        self.nbytes += embedding.nbytes
        while self.nbytes > self.max_bytes:
            self._drop(next(iter(self._embeddings)))

    def _drop(self, key: str) -> None:
        embedding = self._embeddings.pop(key, None)
        if embedding is not None:
            self.nbytes -= embedding.nbytes
