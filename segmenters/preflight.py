"""What of the model's settings cannot be served, as far as that is known at once.

No weights are read whole, no library that computes is loaded, nobody is asked. ``registry.choose`` finds the
rest when the application is built.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from segmenters.checkpoints.digest import check_file
from segmenters.checkpoints.fetch import check_present
from segmenters.checkpoints.locate import (
    in_folder,
    is_url,
    official_checkpoint,
    own_checkpoint,
    usual_mistake,
)
from segmenters.model_names import AUTO, ONNX, known, wanted
from segmenters.models import ARCHITECTURES, PUBLISHED
from segmenters.options import ModelOptions
from segmenters.runtimes.session import Half
from segmenters.sam.execution import Execution, Runtime
from values.errors import ModelError


def check(options: ModelOptions, gpus: int | None = None) -> None:
    """Raises ``values.errors.ModelError`` for the first thing that is wrong.

    ``gpus``: how many this machine has; None where that is not known, or where others may come.
    """
    name = wanted(options)
    _check_devices(options, gpus)
    execution = Execution.of(options)
    if execution.runtime is Runtime.OPENVINO and find_spec("openvino") is None:
        raise ModelError(
            "RUNTIME is openvino and its package is not installed; run `pip install -r "
            "requirements-openvino.txt`, or set RUNTIME to auto"
        )
    if name == ONNX:
        _check_onnx(options, execution)
    elif name in PUBLISHED:
        _check_checkpoint(name, options)
    elif name == AUTO and options.checkpoint is not None:
        _check_content(file_of_a_model(options.checkpoint, options))


def file_of_a_model(given: str, options: ModelOptions) -> Path:
    """The file that is to tell itself which model it is of. Raises ``values.errors.ModelError`` for a URL."""
    if is_url(given):
        raise ModelError(
            "the checkpoint that is set is a URL, and nothing says for which model; set MODEL too"
        )
    return in_folder(given, options)


def onnx_decoder_of(options: ModelOptions) -> Path:
    """The ONNX file that decodes for the model onnx. Raises ``values.errors.ModelError`` without one."""
    if options.onnx_checkpoint is None:
        raise ModelError(
            "the model onnx decodes with an ONNX file, and none is named; set ONNX_CHECKPOINT to one made by "
            "segment-anything's exporter"
        )
    return in_folder(options.onnx_checkpoint, options)


def onnx_encoder_of(options: ModelOptions) -> str | Path:
    """What encodes for the model onnx: the name of a model of its family, or an ONNX file.

    Raises ``values.errors.ModelError`` for anything else.
    """
    named = options.onnx_encoder
    if named in ARCHITECTURES:
        if len(ARCHITECTURES[named].outputs) > 1:
            raise ModelError(
                f"the encoder of onnx is {named}, whose decoder is no ONNX file of segment-anything's "
                "exporter; set ONNX_ENCODER to a SAM or to mobile_sam"
            )
        return named
    if Path(named).suffix == ".onnx":
        return in_folder(named, options)
    known(named)
    raise ModelError(f"{named} is no encoder for onnx; set ONNX_ENCODER to a SAM, mobile_sam or a file")


def _check_devices(options: ModelOptions, gpus: int | None) -> None:
    asked = {"DEVICE": options.device, "DECODER_DEVICE": options.decoder_device}
    for variable, device in asked.items():
        if device.startswith("cuda") and gpus == 0:
            raise ModelError(
                f"{variable} is {device} and this machine has no GPU that its driver knows of; see "
                "`nvidia-smi`, or set it to auto"
            )


def _check_onnx(options: ModelOptions, execution: Execution) -> None:
    execution.of_file(Half.DECODER)
    _check_content(onnx_decoder_of(options))
    encoder = onnx_encoder_of(options)
    if isinstance(encoder, Path):
        execution.of_file(Half.ENCODER)
        _check_content(encoder)
    else:
        _check_checkpoint(encoder, options)


def _check_checkpoint(name: str, options: ModelOptions) -> None:
    own = own_checkpoint(name, options)
    if own is None:
        check_present(official_checkpoint(name, options))
    elif isinstance(own, Path):
        _check_content(own)


def _check_content(path: Path) -> None:
    """Raises ``values.errors.ModelError`` for no file, one that cannot be read, and the usual mistakes."""
    described = usual_mistake(check_file(path))
    if described is not None:
        raise ModelError(
            f"{path} is no file of weights but {described}; put the file of its publisher there, or download "
            "it again"
        )
