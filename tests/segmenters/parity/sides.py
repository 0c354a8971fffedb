"""Our halves and the official predictor, with the same weights and the same image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from segmenters.architectures import LOW_RES, MEAN, SIDE, STD, Architecture
from segmenters.networks.loading import load
from segmenters.resample import to_mask
from segmenters.runtimes.session import Half
from segmenters.sam.inputs import canvas, decoder_inputs
from testing.weights.generated import tensor
from tests.oracles import official
from values.embedding import Embedding
from values.masks import Frame
from values.prompt import Prompt

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides with one random image, encoded by each.

    ``features`` and ``official_features``: the encoders' outputs by name, (1, C, H, W). ``embedding``: its
    sizes, without arrays.
    """

    architecture: Architecture
    official: official.Official
    official_features: dict[str, Tensor]
    decoder: nn.Module
    features: dict[str, Tensor]
    embedding: Embedding

    @classmethod
    def of(cls, architecture: Architecture, seed: int) -> Self:
        """Both with weights and an image drawn from ``seed``, ours from a checkpoint file as published."""
        weights = _weights(architecture, f"{architecture.name} {seed} ")
        rgb = image(seed)
        height, width = rgb.shape[:2]
        theirs = official.predictor(architecture, weights)
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{architecture.name}.pt"
            torch.save({"model": weights} if architecture.family.as_sam2 else weights, path)
            encoder, decoder = (load(architecture, half, path) for half in (Half.ENCODER, Half.DECODER))
        with torch.inference_mode():
            found = encoder(_prepared(rgb, architecture))
        return cls(
            architecture,
            theirs,
            theirs.set_image(rgb),
            decoder,
            dict(zip(architecture.outputs, found, strict=True)),
            Embedding({}, "test", width, height, *architecture.input.scaled(width, height)),
        )

    def decode(self, prompt: Prompt) -> tuple[Floats, Floats]:
        """Our logits (4, 256, 256) and scores (4,)."""
        inputs = decoder_inputs(prompt, self.embedding, self.architecture.family)
        with torch.inference_mode():
            logits, scores = self.decoder(
                **self.features, **{k: torch.from_numpy(v) for k, v in inputs.items()}
            )
        return logits[0].numpy(), scores[0].numpy()

    def mask(self, logits: Floats) -> NDArray[np.bool_]:
        """Our mask (H, W) of low-res logits (256, 256), at the image's size."""
        content = (self.embedding.input_height, self.embedding.input_width)
        squashed = self.architecture.family.as_sam2
        frame = Frame(None, (LOW_RES, LOW_RES)) if squashed else Frame((SIDE, SIDE), content)
        return to_mask(logits, frame, self.embedding.width, self.embedding.height)


def image(seed: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of a random size, smaller or larger than the canvas: patches of colour, and noise."""
    random = np.random.default_rng(seed)
    width, height = (int(side) for side in random.integers(200, 1400, 2))
    patches = random.uniform(0, 255, (9, 9, 3)).astype(np.float32)
    colours = cv2.resize(patches, (width, height), interpolation=cv2.INTER_LINEAR)
    noisy = colours + random.normal(0, 12, colours.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _weights(architecture: Architecture, salt: str) -> dict[str, Tensor]:
    shapes = official.shapes(architecture)
    return {key: torch.from_numpy(tensor(key, shape, salt)) for key, shape in shapes.items()}


def _prepared(rgb: NDArray[np.uint8], architecture: Architecture) -> Tensor:
    """What our encoder takes, resized as officially: by Pillow for SAM, as float numbers for SAM 2."""
    if architecture.family.as_sam2:
        planes = torch.from_numpy(rgb).permute(2, 0, 1)[None].float()
        square = functional.interpolate(planes, (SIDE, SIDE), mode="bilinear", antialias=True)
        mean, std = (torch.tensor(of).reshape(1, 3, 1, 1) for of in (MEAN, STD))
        return (square - mean) / std
    size = architecture.input.scaled(rgb.shape[1], rgb.shape[0])
    return torch.from_numpy(canvas(np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR))))
