"""Phrases to tokens: CLIP's byte-pair encoding, made of nothing but its list of merges.

The numbers of its tokens follow from that list: the 256 bytes, the same at the end of a word, one for each
merge, and the two that begin and end a phrase. So ``vocab.json``, which publishers give beside it, is not
needed. Importing this takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tokenizers.pre_tokenizers import ByteLevel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from values.errors import BadPrompt, ModelError
from values.one_line import shown

START, END = "<|startoftext|>", "<|endoftext|>"
_END_OF_WORD = "</w>"
_LARGEST = 2**24
_HEADER = "#version:"

Merge = tuple[str, str]


class Tokenizer:
    """Phrases to tokens. Several threads may use one."""

    def __init__(self, merges: Sequence[Merge], context: int) -> None:
        """``context``: tokens of a phrase at most, with the two at its ends."""
        tokens = vocabulary(merges)
        self.size = len(tokens)
        """Tokens that there are; the last one ends a phrase."""
        self._context = context
        pairs: Any = list(merges)  # which transformers says it takes as lines of text only
        made = CLIPTokenizer(vocab=tokens, merges=pairs, pad_token="!")  # noqa: S106 - no password
        # Padding and truncation of the whole are states of the tokenizer, which threads would share.
        self._backend = made.backend_tokenizer

    @classmethod
    def read(cls, path: Path, context: int) -> Self:
        """The tokenizer of a file of merges. Raises ``values.errors.ModelError`` for another file."""
        return cls(read_merges(path), context)

    def tokens(self, phrase: str) -> list[int]:
        """The phrase's tokens, between the one that begins and the one that ends it.

        Raises ``values.errors.BadPrompt`` for a phrase of more tokens than the model reads, which is not cut:
        the end may be what matters.
        """
        ids: list[int] = self._backend.encode(phrase).ids
        if len(ids) > self._context:
            raise BadPrompt(
                f"the phrase {shown(phrase)!r} has {len(ids) - 2} tokens, and the model reads "
                f"{self._context - 2}, about as many words; name the thing in fewer"
            )
        if len(ids) <= 2:
            raise BadPrompt(f"the phrase {shown(phrase)!r} has nothing in it that the model can read")
        return ids


def vocabulary(merges: Sequence[Merge]) -> dict[str, int]:
    """The numbers of all tokens that these merges make, and of those that they are made of."""
    letters = _bytes_in_order()
    names = [*letters, *(letter + _END_OF_WORD for letter in letters)]
    names += ["".join(merge) for merge in merges]
    return {name: number for number, name in enumerate([*names, START, END])}


def read_merges(path: Path) -> list[Merge]:
    """The merges in a file, one in each line, the most frequent first; a first line may have its version.

    Raises ``values.errors.ModelError`` for a file that is missing or something else.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(f"{path} is larger than any list of merges; {_REMEDY}")
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeError) as error:
        raise ModelError(f"cannot read the tokenizer's merges in {path}: {error}; {_REMEDY}") from None
    kept = [line for line in lines if line and not line.startswith(_HEADER)]
    merges = [tuple(line.split(" ")) for line in kept]
    if not merges or any(len(merge) != 2 or not all(merge) for merge in merges):
        raise ModelError(f"{path} is no list of merges, two parts in each line; {_REMEDY}")
    known = {name for name in vocabulary([]) if name not in (START, END)}
    for first, second in merges:
        if first not in known or second not in known:
            raise ModelError(f"the merges in {path} are not in their order, or not all there; {_REMEDY}")
        known.add(first + second)
    return [(first, second) for first, second in merges]


_REMEDY = "put the publisher's merges.txt there, or delete it so that it is downloaded again"


def _bytes_in_order() -> list[str]:
    """A character for each byte: those that are printable by their number, then the others."""
    # The alphabet has for each other byte a letter behind all those, by the byte's number.
    return sorted(ByteLevel.alphabet(), key=ord)
