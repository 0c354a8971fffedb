"""The models that are compared: those on disk, or those that are named, perhaps with weights of their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segmenters.checkpoints.locate import State, model_folder, state_of
from segmenters.model_names import AUTO, unknown
from segmenters.models import MODELS, PUBLISHED
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.segmenter import Segmenter
from serve_app.gpus import gpus_here


@dataclass(frozen=True, slots=True)
class Contender:
    """A model by its registry name. ``checkpoint``: weights of its own, such as a fine-tune's."""

    model: str
    checkpoint: str | None = None

    def __str__(self) -> str:
        return self.model if self.checkpoint is None else f"{self.model}={Path(self.checkpoint).name}"

    def segmenter(self, options: ModelOptions) -> Segmenter:
        """The model with the runtime, devices and folder of ``options``. Raises ModelError."""
        own = {
            "model": self.model,
            "checkpoint": self.checkpoint,
            "checkpoint_sha256": None,
            "sam_choice": None,
            "sam2_config": None,
            "offline": True,
        }
        found = ModelOptions.model_validate(options.model_dump() | own)
        return choose(found, gpu=gpus_here(os.environ) != 0).segmenter


def read_contenders(text: str) -> list[Contender]:
    """Of a list such as ``classical,mobile_sam,mobile_sam=/weights/ours.pt``. Raises ValueError."""
    found = []
    for part in text.split(","):
        model, _, checkpoint = part.strip().partition("=")
        if model == AUTO or model not in MODELS:
            raise ValueError(f"{unknown(model, MODELS)}; there are {', '.join(MODELS)}")
        found.append(Contender(model, checkpoint or None))
    return [*dict.fromkeys(found)]


def on_disk(options: ModelOptions) -> list[Contender]:
    """Those that need no weights, and those whose published weights are there. Raises ModelError."""
    folder = model_folder(options)
    there: Sequence[str] = [
        name
        for name, model in MODELS.items()
        if model.weightless
        or (
            name in PUBLISHED
            and state_of(folder / PUBLISHED[name].filename, PUBLISHED[name].size) is State.ON_DISK
        )
    ]
    return [Contender(name) for name in there]
