"""SAM's image encoder in an ONNX file of any exporter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from segmenters.architectures import SIDE
from segmenters.runtimes.onnx_file import Value, inputs, listed, outputs, read_model
from values.errors import ModelError

_IMAGE = Value("float32", (1, 3, SIDE, SIDE))
_EMBEDDING = Value("float32", (1, 256, 64, 64))

_REMEDY = "set ONNX_ENCODER to the name of a SAM or MobileSAM model, or to the ONNX file of an encoder"


@dataclass(frozen=True, slots=True)
class EncoderFile:
    """An encoder of one image at a time, normalised and padded (``segmenters.sam.inputs``).

    ``path``: the file; files with its weights may be next to it. ``input``: name of the image,
    (1, 3, 1024, 1024) float32. ``output``: name of its embedding, (1, 256, 64, 64) float32.
    """

    path: Path
    input: str
    output: str


def read_encoder(path: Path) -> EncoderFile:
    """The encoder in a file, whatever its input and its output are called.

    Weights in other files are not read. Raises ``values.errors.ModelError`` for a file that is missing,
    damaged, of something else or for a newer runtime.
    """
    model = read_model(path, _REMEDY)
    _refuse_others(model, path)
    return EncoderFile(path, _input(model, path), _output(model, path))


def _refuse_others(model: onnx.ModelProto, path: Path) -> None:
    if "point_coords" in inputs(model):
        raise ModelError(
            f"{path} is not an image encoder but a mask decoder (it takes point_coords); set ONNX_CHECKPOINT "
            f"to it, and {_REMEDY}"
        )
    sam2 = [name for name in outputs(model) if "high_res" in name]
    if sam2:
        raise ModelError(
            f"{path} is an encoder of SAM 2 (it gives {sam2[0]}), which is not served from ONNX files; set "
            "MODEL to a model of SAM 2, such as sam2.1_hiera_large"
        )


def _input(model: onnx.ModelProto, path: Path) -> str:
    found = inputs(model)
    if len(found) == 1:
        name, value = next(iter(found.items()))
        if value.fits(_IMAGE):
            return name
    raise ModelError(
        f"{path} is not an image encoder of SAM: it takes {listed(found)}, not one image as {_IMAGE}; "
        f"{_REMEDY}"
    )


def _output(model: onnx.ModelProto, path: Path) -> str:
    """The output that has an embedding's shape; some exporters declare only a part of it."""
    found = outputs(model)
    fitting = {name: value for name, value in found.items() if value.fits(_EMBEDDING)}
    declared = [
        name for name, value in fitting.items() if value.shape is not None and None not in value.shape[1:]
    ]
    names = declared or list(fitting)
    if len(names) == 1:
        return names[0]
    problem = f"{len(names)} outputs of that shape" if names else f"only {listed(found)}"
    raise ModelError(
        f"{path} is not an image encoder of SAM: it has to give one embedding as {_EMBEDDING}, but has "
        f"{problem}; {_REMEDY}"
    )
