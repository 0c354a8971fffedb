"""transformers' own classes with the stand-in weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from numpy.typing import NDArray
from transformers.models.clip.tokenization_clip import CLIPTokenizer
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
from transformers.models.owlv2.modeling_owlv2 import Owlv2ForObjectDetection

from finders.networks import config_of
from finders.tokenizer import vocabulary
from testing.weights import owlv2


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


def with_weights(path: Path) -> Theirs:
    """Theirs, with the weights of a published file."""
    architecture = owlv2.architecture()
    model: Any = Owlv2ForObjectDetection(config_of(architecture))
    model.load_state_dict(safetensors.torch.load_file(path))
    side = {"height": architecture.side, "width": architecture.side}
    merges: Any = list(owlv2.merges())
    tokenizer = CLIPTokenizer(
        vocab=vocabulary(owlv2.merges()), merges=merges, pad_token="!", model_max_length=16
    )
    return Theirs(model.eval(), Owlv2ImageProcessorPil(size=side), tokenizer)
