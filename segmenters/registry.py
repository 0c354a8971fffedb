"""The registry of models: makes the segmenter that the settings ask for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segmenters.auto_model import best
from segmenters.checkpoints.digest import sha256_of
from segmenters.checkpoints.fetch import fetch
from segmenters.checkpoints.locate import Checkpoint, checkpoint_of, in_folder, is_url, model_folder
from segmenters.classical.segmenter import Classical
from segmenters.model_names import AUTO, CLASSICAL, ONNX, known, wanted
from segmenters.models import ARCHITECTURES, PUBLISHED
from segmenters.options import ModelOptions
from segmenters.sam.execution import Execution, Runtime
from segmenters.sam.onnx_segmenter import OnnxFile, OnnxSam
from segmenters.sam.segmenter import SegmentAnything
from segmenters.segmenter import Segmenter
from values.errors import ModelError
from values.served_model import ServedModel


@dataclass(frozen=True, slots=True)
class Choice:
    """The segmenter that serves. ``reason``: a sentence for the log and /health.

    ``fallback``: True when ``auto`` had to settle for the model that needs no weights. ``gpu``: whether the
    encoder is to have one. ``automatic``: whether nothing in the settings names it.
    """

    segmenter: Segmenter
    reason: str
    fallback: bool = False
    gpu: bool = False
    automatic: bool = False

    @property
    def served(self) -> ServedModel:
        """What clients are told of it."""
        return ServedModel(self.segmenter.name, self.segmenter.version, self.reason, self.fallback)


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
    if name != AUTO:
        reason = f"the settings name {name}"
    elif options.checkpoint is not None:
        name = _model_of(options.checkpoint, options)
        reason = f"the checkpoint that is set is one of {name}"
    else:
        found, why = best(options, gpu=gpu)
        if found is None:
            reason = f"auto chose {CLASSICAL}, which needs no weights: {why}"
            return Choice(Classical(), reason, fallback=True, automatic=True)
        name, reason = found, f"auto chose {found}: {why}"
    segmenter = _make(name, options)
    on_gpu = gpu and options.device != "cpu" and _runs_in_torch(segmenter)
    return Choice(segmenter, reason, gpu=on_gpu, automatic=is_automatic(options))


def _runs_in_torch(segmenter: Segmenter) -> bool:
    """Whether torch runs the encoder, so that it can use a GPU."""
    encoder = segmenter.encoder if isinstance(segmenter, OnnxSam) else segmenter
    return isinstance(encoder, SegmentAnything)


def _make(name: str, options: ModelOptions) -> Segmenter:
    if name == CLASSICAL:
        return Classical()
    if name == ONNX:
        return _onnx(options)
    return _segment_anything(name, options)


def _segment_anything(name: str, options: ModelOptions) -> SegmentAnything:
    checkpoint = checkpoint_of(name, options)
    if checkpoint.path.exists() or checkpoint.url is None:
        fetch(checkpoint)  # raises when it is missing or not what it must be
        _check_model(checkpoint, name)
    return SegmentAnything(name, checkpoint, _execution(options), model_folder(options))


def _onnx(options: ModelOptions) -> OnnxSam:
    if options.onnx_checkpoint is None:
        raise ModelError(
            "the model onnx decodes with an ONNX file, and none is named; set ONNX_CHECKPOINT to one made by "
            "segment-anything's exporter"
        )
    named = options.onnx_encoder
    encoder: SegmentAnything | OnnxFile
    if named in ARCHITECTURES:
        encoder = _segment_anything(named, options)
        if encoder.input.fractions:
            raise ModelError(
                f"the encoder of onnx is {named}, whose decoder is no ONNX file of segment-anything's "
                "exporter; set ONNX_ENCODER to a SAM or to mobile_sam"
            )
    elif Path(named).suffix == ".onnx":
        encoder = _file(named, options)
    else:
        known(named)
        raise ModelError(f"{named} is no encoder for onnx; set ONNX_ENCODER to a SAM, mobile_sam or a file")
    segmenter = OnnxSam(encoder, _file(options.onnx_checkpoint, options), _execution(options))
    segmenter.check()
    return segmenter


def _file(given: str, options: ModelOptions) -> OnnxFile:
    path = in_folder(given, options)
    return OnnxFile(path, sha256_of(path))


def _execution(options: ModelOptions) -> Execution:
    runtime = Runtime.ONNXRUNTIME if options.runtime == AUTO else Runtime(options.runtime)
    decoder = options.device if options.decoder_device == AUTO else options.decoder_device
    return Execution(options.device, decoder, runtime, options.precision, options.compile)


def _check_devices(options: ModelOptions, gpu: bool) -> None:
    asked = {"DEVICE": options.device, "DECODER_DEVICE": options.decoder_device}
    for variable, device in asked.items():
        if device.startswith("cuda") and not gpu:
            raise ModelError(
                f"{variable} is {device} and no node of this cluster has a GPU that Ray knows of; see "
                "`nvidia-smi` and `ray status`, or set it to auto"
            )


def _check_model(checkpoint: Checkpoint, name: str) -> None:
    """Raises ``values.errors.ModelError`` for weights of another model; a hash tells the published ones."""
    if checkpoint.sha256 != PUBLISHED[name].sha256:
        from segmenters.networks.loading import check  # torch, which most starts do without

        check(ARCHITECTURES[name], checkpoint.path)


def _model_of(given: str, options: ModelOptions) -> str:
    """The model that the operator's checkpoint is of, by its keys."""
    if is_url(given):
        raise ModelError(
            "the checkpoint that is set is a URL, and nothing says of which model; set MODEL too"
        )
    from segmenters.networks.loading import model_of  # as above

    path = in_folder(given, options)
    name = model_of(path)
    if name is None:
        raise ModelError(
            f"nothing in {path} tells which model it is the checkpoint of; set MODEL too, to one of: "
            f"{', '.join(ARCHITECTURES)}"
        )
    return name
