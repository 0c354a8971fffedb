"""Networks as ONNX graphs.

``python -m segmenters.networks.onnx_export MODEL encoder|decoder CHECKPOINT GRAPH``
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import onnx
import torch

from segmenters.architectures import Architecture
from segmenters.models import ARCHITECTURES
from segmenters.networks.loading import example, load, outputs
from segmenters.runtimes.session import Half
from values.errors import ModelError

_OPSET = 17
_LARGE = 1_500_000_000  # bytes of weights; a protobuf message ends at 2 GiB


def export(architecture: Architecture, half: Half, checkpoint: Path, graph: Path) -> None:
    """Write ``graph``, and beside it ``model.data`` where the weights are too many for one file.

    Its inputs and outputs are those of ``segmenters.runtimes.session.Session``, with any number of
    points. Raises ``values.errors.ModelError`` for the checkpoint, and whatever torch, ONNX or the disk
    raise.
    """
    module = load(architecture, half, checkpoint)
    inputs = example(architecture, half)
    size = sum(each.numel() * each.element_size() for each in module.state_dict().values())
    parts = graph.parent / "parts"
    parts.mkdir()
    written = parts / graph.name if size > _LARGE else graph
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the older exporter, which makes the faster graph, is deprecated
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(written),
            input_names=list(inputs),
            output_names=list(outputs(architecture, half)),
            dynamic_axes={name: {1: "points"} for name in inputs if name.startswith("point_")},
            opset_version=_OPSET,
            dynamo=False,
        )
    if written != graph:
        # The exporter has put each weight into a file of its own.
        whole = onnx.load(written)
        onnx.save_model(whole, graph, save_as_external_data=True, location="model.data")
        for part in parts.iterdir():
            part.unlink()
    parts.rmdir()


def main() -> None:
    """Export as the arguments say; an error is the last line that is printed."""
    name, half, checkpoint, graph = sys.argv[1:]
    try:
        export(ARCHITECTURES[name], Half(half), Path(checkpoint), Path(graph))
    except ModelError as error:
        sys.exit(error.detail)


if __name__ == "__main__":
    main()
