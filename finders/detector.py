"""The detector that the settings name, as a description that travels to every replica."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from finders.catalogue import FINDERS, FinderModel
from finders.files import checkpoint_of, fetch_file, path_of
from finders.options import FinderOptions
from segmenters.checkpoints.locate import State, state_of
from segmenters.options import ModelOptions
from values.embedding import Embedding
from values.errors import ModelError
from values.image import ModelSize, Pixels

if TYPE_CHECKING:  # torch, which only those that compute with it load
    from finders.image_half import ImageHalf
    from finders.text_half import TextHalf

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class Detector:
    """One detector without its weights. The replicas load them, and download them where they are missing.

    ``model``: with the SHA-256 of its weights. ``options``: where files are kept and come from. ``device``:
    ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    """

    model: FinderModel
    options: ModelOptions
    device: str = "auto"

    @property
    def version(self) -> str:
        """Names the model and its weights, such as ``owlv2_base-e1e130b9``; what it found bears it."""
        return f"{self.model.name}-{str(self.model.weights.sha256)[:8]}"

    @property
    def input(self) -> ModelSize:
        """The size in which it takes images."""
        return self.model.architecture.input

    def load_encoder(self, threads: int) -> FoundEncoder:
        """Load the half that sees pictures, to use ``threads`` cores if it runs on CPU.

        Raises ``values.errors.ModelError``. May take minutes when weights have to be fetched.
        """
        from finders.loading import load_image_half
        from segmenters.runtimes.torch_runtime import TorchDevice, cuda_is_available

        name = self.device
        if name == "auto":
            name = "cuda" if cuda_is_available() else "cpu"
        weights = fetch_file(self.model, self.model.weights, self.options)
        device = TorchDevice(name, threads, bfloat16=False)
        half = load_image_half(self.model.architecture, weights, self.version, device)
        logger.info("%s looks at images on %s", self.version, name)
        return FoundEncoder(half, name)

    def load_phrases(self, threads: int) -> TextHalf:
        """Load the half that reads phrases; it computes on CPU, to use ``threads`` cores.

        Raises as ``load_encoder`` does.
        """
        from finders.loading import load_text_half
        from segmenters.runtimes.torch_runtime import TorchDevice

        weights = fetch_file(self.model, self.model.weights, self.options)
        merges = fetch_file(self.model, self.model.merges, self.options)
        device = TorchDevice("cpu", threads, bfloat16=False)
        return load_text_half(self.model.architecture, weights, merges, device)


class FoundEncoder:
    """The half that sees pictures, as a ``segmenters.segmenter.Encoder``: what it found is an embedding."""

    def __init__(self, half: ImageHalf, device: str) -> None:
        self.device = device
        self._half = half

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """``values.found.Found`` of each image, as an embedding. Raises ``values.errors.DeviceFailed``."""
        return [found.as_embedding() for found in self._half.find(batch)]


def detector_of(options: FinderOptions, models: ModelOptions) -> Detector | None:
    """The detector that the settings name; None for none.

    Of weights whose hash nobody states the file is fetched here, since all replicas must have the same one.
    Raises ``values.errors.ModelError`` for files that are missing and may not be downloaded, and for what
    fetching raises.
    """
    if options.finder == "none":
        return None
    model = FINDERS[options.finder]
    checkpoint = checkpoint_of(model, model.weights, models)
    if checkpoint is None:
        fetch_file(model, model.weights, models)
        checkpoint = checkpoint_of(model, model.weights, models)
    if checkpoint is None:
        raise ModelError(f"the hash of the weights of {model.name} cannot be kept in MODEL_DIR")
    _check_files(model, models)
    known = replace(model, weights=replace(model.weights, sha256=checkpoint.sha256))
    return Detector(known, models, options.finder_device)


def known_version(options: FinderOptions, models: ModelOptions) -> str:
    """The version of the detector that the settings name, without its files.

    Raises ``values.errors.ModelError`` where that is not known: no record tells the hash of its weights, and
    MODEL_DIR has none of them either.
    """
    model = FINDERS[options.finder]
    checkpoint = checkpoint_of(model, model.weights, models)
    if checkpoint is None:
        raise ModelError(
            f"nobody states the hash of the weights of {model.name}, and MODEL_DIR does not tell it; set "
            "MODEL_DIR to that of the backend"
        )
    return Detector(replace(model, weights=replace(model.weights, sha256=checkpoint.sha256)), models).version


def check(options: FinderOptions, models: ModelOptions, gpus: int | None = None) -> None:
    """Raises ``values.errors.ModelError`` for the first thing that cannot be served, as far as that is known
    at once. No file is read whole.

    ``gpus``: how many this machine has; None where that is not known, or where others may come.
    """
    if options.finder == "none":
        return
    if options.finder_device.startswith("cuda") and gpus == 0:
        raise ModelError(
            f"FINDER_DEVICE is {options.finder_device} and this machine has no GPU that its driver knows of;"
            " see `nvidia-smi`, or set it to auto"
        )
    _check_files(FINDERS[options.finder], models)


def _check_files(model: FinderModel, models: ModelOptions) -> None:
    for file in (model.weights, model.merges):
        path = path_of(model, file, models)
        state = state_of(path, file.size)
        if state is State.MISSING and models.offline:
            raise ModelError(
                f"there is no file of {model.name} at {path}; run `python -m serve_app models download"
                f" {model.name}`, or set MODEL_DIR to the folder that has it"
            )
        if state is State.DAMAGED:
            raise ModelError(
                f"{path} is not the file of {model.name}, which has {file.size} bytes: delete it so that it"
                " is downloaded again, or put the right file there"
            )
