"""Label Studio's own reading and writing of brush masks, as its SDK has it.

The SDK's converters want a tokenizer of nltk too, which brings scipy, scikit-learn and pandas along and takes
longer to import than all else here. Masks have no words, so the import meets a stand-in.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_NAMES = ("nltk", "nltk.tokenize", "nltk.tokenize.treebank")


@contextmanager
def _without_nltk() -> Iterator[None]:
    if _NAMES[0] in sys.modules:
        yield
        return
    standing_in = {name: ModuleType(name) for name in _NAMES}
    standing_in[_NAMES[-1]].TreebankWordTokenizer = type("Unused", (), {})  # type: ignore[attr-defined]
    sys.modules.update(standing_in)
    try:
        yield
    finally:
        for name in _NAMES:
            del sys.modules[name]


with _without_nltk():
    from label_studio_sdk.converter.brush import decode_rle, mask2rle

__all__ = ["decode_rle", "mask2rle"]
