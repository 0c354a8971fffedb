"""An OWLv2 whose answer is known: the words red, green and blue find spots of that colour.

Every block passes on what it gets, so a patch is the colour of one of its pixels all the way up, and a phrase
the mean of its words. The pixel is the one at a patch's lower right, where a box of the size of a patch has
its middle. So of a spot as large as a patch, whose middle is where four patches meet, one box is found, which
is around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from finders.catalogue import FINDERS, FinderModel
from finders.picture import MEAN, STD
from finders.tokenizer import vocabulary
from testing.weights import owlv2

Spot = tuple[str, int, int]
"""A colour, and where a spot of it has its middle, in patches from the left and from the top."""

COLOURS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}
GROUND = (123, 117, 104)
"""The mean of the pictures that OWLv2 was trained with: a patch without any colour."""

PATCH = 40
"""Pixels of ``picture``; the detector sees 4."""

NAME = "owlv2_base"
_SHIFT, _SCALE = -0.8, 30.0  # a cosine of .8 gives a score of .5, one of .9 one of .95
_CONSTANT, _OTHER_WORDS = 3, 5  # the numbers that say no colour


def model() -> FinderModel:
    """In the catalogue's place of ``NAME``. What its files are like is not known before they are there."""
    known = FINDERS[NAME]
    weights, merges = (replace(file, sha256=None, size=None) for file in (known.weights, known.merges))
    return replace(known, architecture=owlv2.architecture(), weights=weights, merges=merges)


def write(model_dir: Path) -> None:
    """The files of ``model`` where they are looked for."""
    folder = model_dir / NAME
    folder.mkdir(parents=True)
    owlv2.write(folder)
    safetensors.torch.save_file(state_dict(), folder / "model.safetensors")


def picture(spots: Sequence[Spot], columns: int = 24, rows: int = 16) -> NDArray[np.uint8]:
    """HxWx3: round spots as wide as a patch, on a ground without colour."""
    rgb = np.full((rows * PATCH, columns * PATCH, 3), GROUND, np.uint8)
    for name, x, y in spots:
        cv2.circle(rgb, (x * PATCH, y * PATCH), PATCH // 2, COLOURS[name], cv2.FILLED)
    return rgb


def state_dict() -> dict[str, torch.Tensor]:
    """The keys of a published file: zeros, but for what passes colours and words on."""
    state = {key: torch.zeros_like(value) for key, value in owlv2.state_dict().items()}
    for key, value in state.items():
        if "norm" in key and key.endswith("weight"):
            value.fill_(1)
    _see(state)
    _read(state)
    return state


def _see(state: dict[str, torch.Tensor]) -> None:
    """The image half. Numbers come with their negatives in the other half, so that their mean is 0."""
    vision = "owlv2.vision_model.embeddings."
    half = len(state[f"{vision}class_embedding"]) // 2
    for channel in range(3):
        for sign, place in ((1, channel), (-1, half + channel)):
            state[f"{vision}patch_embedding.weight"][place, channel, -1, -1] = sign
    positions = state[f"{vision}position_embedding.weight"]
    positions[1:, _CONSTANT], positions[1:, half + _CONSTANT] = 1, -1
    # Each patch is multiplied by the picture's own token, which turns the signs of the other half.
    positions[0, :half], positions[0, half:] = 1, -1
    nothing = half - 1  # which has 0, and what the mean was that norms have taken away
    for channel in range(3):
        seen = state["class_head.dense0.weight"]
        seen[channel, channel], seen[channel, nothing] = 1, -1
        for sign, place in ((1, channel), (-1, 3 + channel)):
            how_much = state["objectness_head.dense0.weight"]
            how_much[place, channel], how_much[place, nothing] = sign, -sign
            state["objectness_head.dense1.weight"][place, place] = 1
            state["objectness_head.dense2.weight"][0, place] = 1
    state["class_head.logit_shift.bias"].fill_(_SHIFT)
    state["class_head.logit_scale.bias"].fill_(_SCALE - 1)


def _read(state: dict[str, torch.Tensor]) -> None:
    """The text half. In its first block the end of a phrase takes the mean of what is before it."""
    text = "owlv2.text_model."
    embeddings = state[f"{text}embeddings.token_embedding.weight"]
    width = embeddings.shape[1]
    half = width // 2
    embeddings[:, _OTHER_WORDS], embeddings[:, half + _OTHER_WORDS] = 1, -1
    tokens = vocabulary(owlv2.merges())
    projection = state["owlv2.text_projection.weight"]
    for number, (name, rgb) in enumerate(COLOURS.items()):
        row = embeddings[tokens[f"{name}</w>"]]
        row[number], row[half + number] = 4, -4
        seen = (np.array(rgb) / 255 - np.array(MEAN)) / np.array(STD)
        projection[:3, number] = torch.from_numpy(seen / np.linalg.norm(seen))
    projection[_OTHER_WORDS, _OTHER_WORDS] = 0.01
    for name in ("v", "out"):
        state[f"{text}encoder.layers.0.self_attn.{name}_proj.weight"].copy_(torch.eye(width))
