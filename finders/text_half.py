"""The half of a detector that reads phrases: each is computed once and then remembered."""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from torch import nn

from finders.tokenizer import Tokenizer
from segmenters.runtimes.torch_runtime import TorchDevice

Floats = NDArray[np.float32]

REMEMBERED = 4096
"""Phrases; 2 kB each."""


class TextHalf:
    """Phrases to vectors of queries. Several threads may call at once."""

    def __init__(
        self, tokenizer: Tokenizer, network: nn.Module, device: TorchDevice, remembered: int = REMEMBERED
    ) -> None:
        self.computed = 0
        """Phrases that were not remembered, so far."""
        self._tokenizer = tokenizer
        self._device = device
        self._network = device.take(network)
        self._most = remembered
        self._kept: OrderedDict[str, Floats] = OrderedDict()
        self._lock = Lock()

    def vectors(self, phrases: Sequence[str]) -> Floats:
        """(Q, D) float32 of length 1, one for each phrase; ``protocol.phrases`` bounds how many come here.

        Raises ``values.errors.BadPrompt`` for a phrase that the model cannot read as a whole, and
        ``values.errors.DeviceFailed``.
        """
        keys = [_key(phrase) for phrase in phrases]
        with self._lock:
            there = {key: self._kept[key] for key in keys if key in self._kept}
        missing = [key for key in dict.fromkeys(keys) if key not in there]
        if missing:
            there |= zip(missing, self._computed(missing), strict=True)
        with self._lock:
            self.computed += len(missing)
            for key in keys:
                self._kept[key] = there[key]
                self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return np.stack([there[key] for key in keys]) if keys else np.zeros((0, 0), np.float32)

    def _computed(self, phrases: Sequence[str]) -> Floats:
        rows = [self._tokenizer.tokens(phrase) for phrase in phrases]
        tokens = np.zeros((len(rows), max(map(len, rows))), np.int64)
        for row, ids in zip(tokens, rows, strict=True):
            row[: len(ids)] = ids
        with self._device.computing():
            return np.asarray(self._device.array(self._network(self._device.tensor(tokens))), np.float32)


def _key(phrase: str) -> str:
    """Phrases with the same key have the same tokens: CLIP reads no case and no more than one space."""
    return " ".join(unicodedata.normalize("NFC", phrase).lower().split())
