"""SAM's mask decoder in an ONNX file, as segment-anything's exporter and tools built on it make them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx.utils import Extractor

from segmenters.architectures import LOW_RES
from segmenters.runtimes.onnx_file import Value, inputs, listed, outputs, read_model
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from segmenters.runtimes.session import Array, first_line
from values.errors import ModelError

_INPUTS = {
    "image_embeddings": Value("float32", (1, 256, 64, 64)),
    "point_coords": Value("float32", (1, None, 2)),
    "point_labels": Value("float32", (1, None)),
    "mask_input": Value("float32", (1, 1, LOW_RES, LOW_RES)),
    "has_mask_input": Value("float32", (1,)),
}
_LOGITS, _SCORES = "low_res_masks", "iou_predictions"
_MASKS = (1, 4)  # chosen by the file, or all

_REMEDY = "set ONNX_CHECKPOINT to a mask decoder made by segment-anything's ONNX exporter"
_AGAIN = "export it again with segment-anything's ONNX exporter, in float32 and with any number of points"


@dataclass(frozen=True, slots=True)
class DecoderFile:
    """A decoder for every size of image, with any number of points.

    ``graph``: a serialised ONNX model, weights included, with the inputs and outputs of
    ``segmenters.runtimes.session.Session``. ``masks``: 4, or 1 where the export chooses one itself.
    """

    graph: bytes
    masks: int


def read_decoder(path: Path) -> DecoderFile:
    """The decoder in a file, without the nodes that make masks of full size from its logits.

    Without them it works for every size of image: the exporter of segment-anything 1.0 makes constants of the
    size of its example. The decoder is tried out on the CPU.

    Raises ``values.errors.ModelError`` for a file that is missing, damaged, of something else or for another
    runtime.
    """
    model = read_model(path, _REMEDY)
    _check_inputs(model, path)
    logits = _logits(model, path)
    _load_weights(model, path)
    graph = _cut(model, logits, path).SerializeToString()
    return DecoderFile(graph, _masks(graph, path))


def _check_inputs(model: onnx.ModelProto, path: Path) -> None:
    found = inputs(model)
    sam2 = [name for name in found if "high_res" in name]
    if sam2:
        raise ModelError(
            f"{path} is a decoder of SAM 2 (it takes {sam2[0]}), which is not served from ONNX files; set "
            "MODEL to a model of SAM 2, such as sam2.1_hiera_large"
        )
    missing = [name for name in _INPUTS if name not in found]
    if len(found) == 1:
        raise ModelError(
            f"{path} is not a mask decoder: it looks like an image encoder, for it takes only "
            f"{listed(found)}; {_REMEDY}, and ONNX_ENCODER to the encoder"
        )
    if missing:
        raise ModelError(
            f"{path} is not a mask decoder of SAM: it lacks the inputs {', '.join(missing)} (it takes "
            f"{listed(found)}); {_REMEDY}"
        )
    for name, expected in _INPUTS.items():
        if not found[name].fits(expected):
            raise ModelError(f"the decoder {path} takes {name} as {found[name]}, not {expected}; {_AGAIN}")


def _logits(model: onnx.ModelProto, path: Path) -> str:
    """The name of the output that has the low-res logits."""
    found = outputs(model)
    named = _LOGITS in found and _has_rank_4(found[_LOGITS])
    # With `return_extra_metrics` the exporter gives three names to five outputs: the third, a score, gets the
    # name of the logits, which come last under a name of torch's.
    name = _LOGITS if named or len(found) < 5 else next(reversed(found))
    if name not in found or not _has_rank_4(found[name]):
        name = ""
    missing = [each for each, there in ((_LOGITS, name), (_SCORES, _SCORES in found)) if not there]
    if missing:
        raise ModelError(
            f"the decoder {path} lacks the outputs {', '.join(missing)} (it gives {listed(found)}); {_AGAIN}"
        )
    return name


def _has_rank_4(value: Value) -> bool:
    return value.shape is None or len(value.shape) == 4


def _load_weights(model: onnx.ModelProto, path: Path) -> None:
    """Loads the weights into the model from the files beside it, if there are any."""
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ModelError(f"cannot read the weights of the decoder {path}: {first_line(error)}") from None


def _cut(model: onnx.ModelProto, logits: str, path: Path) -> onnx.ModelProto:
    """The part of the graph from ``_INPUTS`` to the scores and the logits, under their own names."""
    try:
        cut: onnx.ModelProto = Extractor(model).extract_model(list(_INPUTS), [logits, _SCORES])
    except (AssertionError, ValueError) as error:
        raise ModelError(f"cannot take the decoder out of {path}: {first_line(error)}; {_AGAIN}") from None
    given = {each.name for each in (*cut.graph.initializer, *cut.graph.input)}
    given.update(name for node in cut.graph.node for name in node.output)
    needed = {name for node in cut.graph.node for name in node.input if name} - given
    if needed:
        raise ModelError(
            f"the decoder {path} needs {', '.join(sorted(needed))} for its logits, which SAM has no use for; "
            f"{_REMEDY}"
        )
    if logits != _LOGITS:
        cut.graph.node.append(onnx.helper.make_node("Identity", [logits], [_LOGITS]))
        cut.graph.output[0].name = _LOGITS
    return cut


def _masks(graph: bytes, path: Path) -> int:
    """How many masks an answer has; the exporter declares neither that nor the masks' shape."""
    return max(_count(logits, scores, path) for logits, scores in _answers(graph, path))


def _answers(graph: bytes, path: Path) -> list[tuple[Array, Array]]:
    """Logits and scores for one point and for three: a number that became a constant fails with another."""
    try:
        session = OnnxRuntimeSession(graph, 1)
        answers = [session.run(_example(points), (_LOGITS, _SCORES)) for points in (1, 3)]
    except ModelError as error:
        raise ModelError(f"the decoder {path} does not run: {error.detail}; {_AGAIN}") from None
    return [(answer[_LOGITS], answer[_SCORES]) for answer in answers]


def _example(points: int) -> dict[str, Array]:
    """Inputs of ones, with so many points."""
    return {
        name: np.ones([points if size is None else size for size in value.shape or ()], np.float32)
        for name, value in _INPUTS.items()
    }


def _count(logits: Array, scores: Array, path: Path) -> int:
    for count in _MASKS:
        shapes = (1, count, LOW_RES, LOW_RES), (1, count)
        if (logits.shape, scores.shape) == shapes and logits.dtype == scores.dtype == np.float32:
            return count
    raise ModelError(
        f"the decoder {path} gives logits of {logits.dtype} {logits.shape} and scores of {scores.dtype} "
        f"{scores.shape}, not 1 or 4 masks of {LOW_RES} x {LOW_RES} in float32; {_AGAIN}"
    )
