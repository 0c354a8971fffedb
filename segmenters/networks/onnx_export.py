"""Networks as ONNX graphs.

``python -m segmenters.networks.onnx_export MODEL encoder|decoder CHECKPOINT GRAPH``
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from segmenters.architectures import Architecture
from segmenters.models import ARCHITECTURES
from segmenters.networks.loading import example, load, outputs
from segmenters.networks.prompt_batch import ImagePart, PromptsPart
from segmenters.runtimes.exported_graphs import IMAGE_PART, PROMPTS_PART
from segmenters.runtimes.session import Half
from values.errors import ModelError

_OPSET = 17
_LARGE = 1_500_000_000  # bytes of weights; a protobuf message ends at 2 GiB


def export(architecture: Architecture, half: Half, checkpoint: Path, graph: Path) -> None:
    """Write ``graph``, and beside it ``model.data`` where the weights are too many for one file.

    Its inputs and outputs are those of ``segmenters.runtimes.session.Session``, with any number of
    points; beside a decoder are its two parts for many prompts on one image. Raises
    ``values.errors.ModelError`` for the checkpoint, and whatever torch, ONNX or the disk raise.
    """
    module = load(architecture, half, checkpoint)
    inputs = example(architecture, half)
    size = sum(each.numel() * each.element_size() for each in module.state_dict().values())
    parts = graph.parent / "parts"
    parts.mkdir()
    written = parts / graph.name if size > _LARGE else graph
    axes = {name: {1: "points"} for name in inputs if name.startswith("point_")}
    _write(module, inputs, outputs(architecture, half), axes, written)
    if written != graph:
        # The exporter has put each weight into a file of its own.
        whole = onnx.load(written)
        onnx.save_model(whole, graph, save_as_external_data=True, location="model.data")
        for part in parts.iterdir():
            part.unlink()
    parts.rmdir()
    if half is Half.DECODER:
        _export_batch(architecture, module, inputs, graph.parent)


def _export_batch(
    architecture: Architecture, decoder: nn.Module, inputs: Mapping[str, Tensor], folder: Path
) -> None:
    """The decoder's parts for many prompts, with any number of prompts and points."""
    image, prompts = ImagePart(decoder), PromptsPart(decoder)
    given = {name: inputs[name] for name in architecture.outputs}
    _write(image, given, architecture.shared, {}, folder / IMAGE_PART)
    with torch.inference_mode():
        shared = dict(zip(architecture.shared, image(**given), strict=True))
    points = {"point_coords": torch.zeros(2, 2, 2), "point_labels": torch.zeros(2, 2)}
    answer = outputs(architecture, Half.DECODER)
    axes = {name: {0: "prompts", 1: "points"} for name in points} | {name: {0: "prompts"} for name in answer}
    _write(prompts, {**shared, **points}, answer, axes, folder / PROMPTS_PART)


def _write(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
    graph: Path,
) -> None:
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the older exporter, which makes the faster graph, is deprecated
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(graph),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dict(each) for name, each in axes.items()},
            opset_version=_OPSET,
            dynamo=False,
        )


def main() -> None:
    """Export as the arguments say; an error is the last line that is printed."""
    name, half, checkpoint, graph = sys.argv[1:]
    try:
        export(ARCHITECTURES[name], Half(half), Path(checkpoint), Path(graph))
    except ModelError as error:
        sys.exit(error.detail)


if __name__ == "__main__":
    main()
