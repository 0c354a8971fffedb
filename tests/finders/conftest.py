"""The detector of stand-in weights: our halves, and transformers' own classes with the same weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from numpy.typing import NDArray
from transformers.models.clip.tokenization_clip import CLIPTokenizer
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
from transformers.models.owlv2.modeling_owlv2 import Owlv2ForObjectDetection

from finders.image_half import ImageHalf
from finders.loading import load_image_half, load_text_half
from finders.networks import config_of
from finders.text_half import TextHalf
from finders.tokenizer import vocabulary
from segmenters.runtimes.torch_runtime import TorchDevice
from testing.weights import owlv2
from values.image import Pixels


@dataclass(frozen=True)
class Theirs:
    """transformers' model, picture processor and tokenizer."""

    model: Any
    processor: Any
    tokenizer: Any

    def prepared(self, rgb: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(self.processor(rgb, return_tensors="np")["pixel_values"])

    def tokens(self, phrases: list[str]) -> Any:
        # As their processor asks its tokenizer.
        return self.tokenizer(phrases, padding="max_length", max_length=16, return_tensors="pt")

    def detect(self, rgb: NDArray[Any], phrases: list[str]) -> Any:
        with torch.inference_mode():
            return self.model(pixel_values=self.prepared(rgb), **self.tokens(phrases))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return owlv2.write(tmp_path_factory.mktemp("owlv2"))


@pytest.fixture(scope="session")
def device() -> TorchDevice:
    return TorchDevice("cpu", 1, bfloat16=False)


@pytest.fixture(scope="session")
def image_half(files: tuple[Path, Path], device: TorchDevice) -> ImageHalf:
    return load_image_half(owlv2.architecture(), files[0], "owlv2_small-1", device)


@pytest.fixture(scope="session")
def text_half(files: tuple[Path, Path], device: TorchDevice) -> TextHalf:
    return load_text_half(owlv2.architecture(), *files, device)


@pytest.fixture(scope="session")
def theirs(files: tuple[Path, Path]) -> Theirs:
    architecture = owlv2.architecture()
    model: Any = Owlv2ForObjectDetection(config_of(architecture))
    model.load_state_dict(safetensors.torch.load_file(files[0]))
    side = {"height": architecture.side, "width": architecture.side}
    merges: Any = list(owlv2.merges())
    tokenizer = CLIPTokenizer(
        vocab=vocabulary(owlv2.merges()), merges=merges, pad_token="!", model_max_length=16
    )
    return Theirs(model.eval(), Owlv2ImageProcessorPil(size=side), tokenizer)


def picture(width: int, height: int, seed: int = 7) -> Pixels:
    """Coarse colours with noise, no two pictures of one size alike."""
    random = np.random.default_rng(seed)
    rgb = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    rgb[: height // 2, : width // 3] = (200, 40, 30)
    return Pixels(rgb, width, height)
