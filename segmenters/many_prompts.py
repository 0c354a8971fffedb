"""Many prompts on one image: the third verb of a model, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from segmenters.segmenter import Decoder
from values.embedding import Embedding
from values.masks import Masks
from values.prompt import Prompt


@runtime_checkable
class ManyDecoder(Protocol):
    """A decoder that takes less time for many prompts together than for one after the other."""

    def decode_many(self, embedding: Embedding, prompts: Iterable[Prompt]) -> Iterator[Masks]:
        """As ``segment_many``, which says more."""
        ...


def segment_many(decoder: Decoder, embedding: Embedding, prompts: Iterable[Prompt]) -> Iterator[Masks]:
    """The candidate masks of each prompt on one image, in order, each as ``decoder.decode`` gives them.

    Logits and scores may differ from those by 1e-4, because sums are formed in another order. Prompts are
    taken and masks are computed as the caller asks for them, a bounded number at a time: a list of any length
    takes the memory of its beginning. A decoder that has no faster way decodes one by one.
    Raises what ``decoder.decode`` raises, when it comes to the prompt or to one that is computed with it.
    """
    if isinstance(decoder, ManyDecoder):
        return decoder.decode_many(embedding, prompts)
    return (decoder.decode(embedding, prompt) for prompt in prompts)
