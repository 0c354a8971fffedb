"""Many prompts on one image: the third verb of a model, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, runtime_checkable

from segmenters.segmenter import Decoder
from values.embedding import Embedding
from values.masks import Masks
from values.prompt import Prompt

WINDOW = 64
"""Prompts that are looked at together, and so the most whose masks are kept until they are asked for: SAM's
take .75 MiB each."""


@runtime_checkable
class ManyDecoder(Protocol):
    """A decoder that takes less time for many prompts together than for one after the other."""

    def decode_many(self, embedding: Embedding, prompts: Sequence[Prompt]) -> Iterator[Masks]:
        """The candidates of each prompt, in order, as ``decode`` gives them within 1e-4.

        It computes as many at once as it has the memory for. Raises what ``decode`` raises.
        """
        ...


def segment_many(decoder: Decoder, embedding: Embedding, prompts: Iterable[Prompt]) -> Iterator[Masks]:
    """The candidate masks of each prompt on one image, in order, each as ``decoder.decode`` gives them.

    Logits and scores may differ from those of ``decode`` by 1e-4, because sums are formed in another order.
    Prompts are taken and masks are computed as the caller asks for them, ``WINDOW`` at a time at most: a list
    of any length takes the memory of its beginning. A decoder that has no faster way decodes one by one.
    Raises what ``decoder.decode`` raises, when it comes to the prompt.
    """
    if not isinstance(decoder, ManyDecoder):
        for prompt in prompts:
            yield decoder.decode(embedding, prompt)
        return
    asked = iter(prompts)
    while window := list(islice(asked, WINDOW)):
        yield from decoder.decode_many(embedding, window)
