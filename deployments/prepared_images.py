"""What all prompts on an image share, computed once: of the images that are clicked, behind all clicks."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from concurrency.background import Background
from embeddings.memory import MemoryTier, exact, held
from segmenters.segmenter import Decoder, PreparesImages
from values.embedding import Embedding
from values.errors import ModelError, OutOfMemory

AT_ONCE = 2
"""Images that wait for their turn; of more, the next click begins again."""

STAYS_S = 30.0
"""For so long after its last click an image makes room for no other: of more images in work than there is
room for, each would be gone at its next click, and all would be computed in vain."""

Prepare = Callable[[Embedding], Embedding | None]
Behind = Callable[[Prepare, Embedding], Awaitable[Embedding | None]]

logger = logging.getLogger("ray.serve")


class PreparedImages:
    """The images that were clicked last, with more arrays than their embeddings have. Used from one loop.

    ``behind`` runs a function in a thread when no click is decoded. ``is_kept``: whether the embedding of a
    key is in memory.
    """

    def __init__(
        self,
        decoder: Decoder,
        mib: int,
        behind: Behind,
        is_kept: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prepare = decoder.prepared if mib and isinstance(decoder, PreparesImages) else None
        self._behind = behind
        self._is_kept = is_kept
        self._kept = MemoryTier[Embedding](mib * 2**20)
        self._largest = 0  # bytes of an image so far
        self._clock = clock
        self._clicked_at: dict[str, float] = {}
        self._background = Background(limit=AT_ONCE)
        self._under_way: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether an image waits for its turn or has it."""
        return bool(self._under_way)

    def of(self, key: str, embedding: Embedding) -> Embedding:
        """What to decode in place of ``embedding``: itself while nothing more is kept of this very one."""
        prepared = self._kept.get(key)
        if prepared is None:
            return embedding
        if not _is_of(prepared, embedding):
            self.forget(key)
            return embedding
        self._clicked_at[key] = self._clock()
        return prepared

    def clicked(self, key: str, embedding: Embedding) -> None:
        """The image was clicked, so it will be clicked again: prepare it, unless it is."""
        if self._prepare is None or key in self._under_way or key in self._kept or not self._has_room():
            return
        if self._background.start(self._prepared(key, embedding, self._prepare)):
            self._under_way.add(key)

    def forget(self, key: str) -> None:
        """Keep nothing of the image."""
        self._kept.drop(key)
        self._clicked_at.pop(key, None)

    def _has_room(self) -> bool:
        """Whether one more has room, or the place of one that nobody clicks any more."""
        if self._largest > self._kept.max_bytes:
            return False
        if self._kept.nbytes + self._largest <= self._kept.max_bytes:
            return True
        return all(self._clock() - self._clicked_at[key] > STAYS_S for key in self._kept.recent()[-1:])

    async def _prepared(self, key: str, embedding: Embedding, prepare: Prepare) -> None:
        try:
            more = await self._behind(lambda of: prepare(exact(of)), embedding)
        except OutOfMemory:
            return  # there may be more at another time
        except ModelError as error:
            logger.warning("no image is prepared for its next clicks, which take longer: %s", error.detail)
            more = None
        finally:
            self._under_way.discard(key)
        if more is None:
            self._prepare = None
        elif self._is_kept(key):  # it may have been forgotten meanwhile
            self._keep(key, replace(more, arrays={**more.arrays, **embedding.arrays}))

    def _keep(self, key: str, prepared: Embedding) -> None:
        self._kept.put(key, prepared)
        self._clicked_at[key] = self._clock()
        self._clicked_at = {each: at for each, at in self._clicked_at.items() if each in self._kept}
        self._largest = max(self._largest, held(prepared))


def _is_of(prepared: Embedding, embedding: Embedding) -> bool:
    """An image that was replaced, or left memory and came back, has other arrays."""
    return all(prepared.arrays.get(name) is array for name, array in embedding.arrays.items())
