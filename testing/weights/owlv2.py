"""A small OWLv2 with stand-in weights, its file as published, and a small vocabulary."""

from __future__ import annotations

import itertools
from collections import Counter
from functools import cache
from pathlib import Path

import safetensors.torch
import torch

from finders.architecture import Architecture, Tower
from finders.tokenizer import Merge
from testing.weights.generated import tensor

WORDS = (
    *(
        "a",
        "photo",
        "of",
        "the",
        "cat",
        "kitten",
        "dog",
        "puppy",
        "traffic",
        "light",
        "lights",
        "car",
        "wheel",
    ),
    *("person", "people", "red", "green", "blue", "house", "window", "café", "straße", "猫", "don't", "2nd"),
)
"""Of these, and only of these, merges are learned."""


@cache
def merges() -> tuple[Merge, ...]:
    """Merges as byte-pair encoding learns them from ``WORDS``, the most frequent pair first."""
    from tokenizers.pre_tokenizers import ByteLevel

    cut = ByteLevel(add_prefix_space=False, use_regex=False)
    words = [list(cut.pre_tokenize_str(word)[0][0]) for word in WORDS]
    words = [[*word[:-1], f"{word[-1]}</w>"] for word in words]
    found: list[Merge] = []
    while any(len(word) > 1 for word in words):
        pairs = Counter(pair for word in words for pair in itertools.pairwise(word))
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        found.append(best)
        words = [_merged(word, best) for word in words]
    return tuple(found)


def architecture() -> Architecture:
    """576 boxes of an image, more than are kept."""
    return Architecture(96, 4, Tower(64, 2, 2), Tower(32, 2, 2), vocabulary=512 + len(merges()) + 2)


def state_dict(salt: str = "") -> dict[str, torch.Tensor]:
    """The keys of a published file with stand-in values, those that nobody needs among them."""
    return {key: torch.from_numpy(tensor(key, shape, salt)) for key, shape in _shapes().items()}


def write(folder: Path, salt: str = "") -> tuple[Path, Path]:
    """The files of weights and of merges, as published, in ``folder``."""
    weights, listed = folder / "model.safetensors", folder / "merges.txt"
    safetensors.torch.save_file(state_dict(salt), weights)
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges()), ""]
    listed.write_text("\n".join(lines), encoding="utf-8")
    return weights, listed


@cache
def _shapes() -> dict[str, tuple[int, ...]]:
    from transformers.models.owlv2.modeling_owlv2 import Owlv2ForObjectDetection

    from finders.networks import config_of

    with torch.device("meta"):
        whole = Owlv2ForObjectDetection(config_of(architecture()))
    return {key: tuple(value.shape) for key, value in whole.state_dict().items()}


def _merged(word: list[str], pair: Merge) -> list[str]:
    made: list[str] = []
    for part in word:
        if made and (made[-1], part) == pair:
            made[-1] += part
        else:
            made.append(part)
    return made
