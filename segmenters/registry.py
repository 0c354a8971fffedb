"""The registry of models: makes the segmenter that the settings ask for."""

from __future__ import annotations

from dataclasses import dataclass

from segmenters.auto_model import best
from segmenters.checkpoints.digest import sha256_of
from segmenters.model_names import AUTO, CLASSICAL, wanted
from segmenters.models import ARCHITECTURES, MODELS, PUBLISHED, encoder_of
from segmenters.options import ModelOptions
from segmenters.preflight import file_of_a_model
from segmenters.segmenter import Segmenter
from values.errors import ModelError
from values.served_model import ServedModel


@dataclass(frozen=True, slots=True)
class Choice:
    """The segmenter that serves. ``reason``: a sentence for the log and /health.

    ``fallback``: True when ``auto`` had to settle for the model that needs no weights. ``gpu``: whether the
    encoder is to have one. ``automatic``: whether nothing in the settings names it. ``advice``: how to
    annotate with it, if there is something special to that.
    """

    segmenter: Segmenter
    reason: str
    fallback: bool = False
    gpu: bool = False
    automatic: bool = False
    advice: str = ""

    @property
    def served(self) -> ServedModel:
        """What clients are told of it."""
        segmenter = self.segmenter
        return ServedModel(segmenter.name, segmenter.version, self.reason, self.fallback, self.advice)


def is_automatic(options: ModelOptions) -> bool:
    """Whether nothing names the model.

    Raises ``values.errors.ModelError`` for a name that no model has.
    """
    return wanted(options) == AUTO and options.checkpoint is None


def choose(options: ModelOptions, *, gpu: bool = False) -> Choice:
    """The segmenter that the options name, or for ``auto`` the best one that this machine can serve.

    ``gpu``: whether the encoder can have one. All that can be known before weights are loaded is checked
    here, so that an application that serves is not replaced by one that cannot.
    Raises ``values.errors.ModelError`` for a name that no model has, a device that is not there, and
    files that are missing, damaged or of another model.
    """
    name = wanted(options)
    _check_devices(options, gpu)
    fallback = False
    if name != AUTO:
        reason = f"the settings name {name}"
    elif options.checkpoint is not None:
        name = _model_of(options.checkpoint, options)
        reason = f"the checkpoint that is set is one of {name}"
    else:
        found, why = best(options, gpu=gpu)
        name, fallback = found or CLASSICAL, found is None
        needs_none = ", which needs no weights" if fallback else ""
        reason = f"auto chose {name}{needs_none}: {why}"
    model, encoder = MODELS[name], encoder_of(name, options)
    on_gpu = gpu and options.device != "cpu" and encoder is not None and encoder.gpu
    return Choice(model.make(options), reason, fallback, on_gpu, is_automatic(options), model.advice)


def _check_devices(options: ModelOptions, gpu: bool) -> None:
    asked = {"DEVICE": options.device, "DECODER_DEVICE": options.decoder_device}
    for variable, device in asked.items():
        if device.startswith("cuda") and not gpu:
            raise ModelError(
                f"{variable} is {device} and no node of this cluster has a GPU that Ray knows of; see "
                "`nvidia-smi` and `ray status`, or set it to auto"
            )


def _model_of(given: str, options: ModelOptions) -> str:
    """The model that the operator's checkpoint is of: by its SHA-256 if it is published, else by its keys."""
    path = file_of_a_model(given, options)
    sha256 = sha256_of(path)
    published = next((name for name, each in PUBLISHED.items() if each.sha256 == sha256), None)
    if published is not None:
        return published
    from segmenters.networks.loading import model_of  # torch, which most starts do without

    name = model_of(path)
    if name is None:
        raise ModelError(
            f"nothing in {path} tells which model it belongs to; set MODEL too, to one of: "
            f"{', '.join(ARCHITECTURES)}"
        )
    return name
