"""The decoder half alone in a fresh process: what it costs to start and to hold.

``python -m benchmarks.models.fresh_decoder MODEL CHECKPOINT SHA256 FOLDER`` is that process: it prints one
line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segmenters.architectures import SIDE
from segmenters.checkpoints.locate import Checkpoint
from segmenters.runtimes.exported_graphs import graph_path
from segmenters.runtimes.session import Half
from segmenters.sam.execution import Execution
from segmenters.sam.segmenter import SegmentAnything
from testing.processes import MIB, Memory, memory_of
from testing.running_app import ROOT
from values.embedding import Embedding
from values.prompt import Prompt


@dataclass(frozen=True, slots=True)
class FreshDecoder:
    """A process that holds the decoder half and has decoded one click.

    ``seconds``: from the start of the process to that click's answer. ``bare``: the memory before the half
    was loaded, all modules imported. ``graphs``: MiB of the decoder's and of the encoder's graph on disk,
    float32 as in memory; None when the encoder is not exported. ``torch``: whether it imported torch.
    """

    seconds: float
    bare: Memory
    loaded: Memory
    graphs: tuple[float, float | None]
    torch: bool


def measure(model: SegmentAnything) -> FreshDecoder:
    """Start a process, wait for its answer. The graph is exported first, so that this is the usual start."""
    model.load_decoder(1)
    checkpoint = model.checkpoint
    arguments = (model.name, str(checkpoint.path), checkpoint.sha256, str(model.folder))
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        line = process.stdout.readline() if process.stdout else ""
        seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise RuntimeError(f"the process that loads the decoder ended with {process.returncode}")
    said = json.loads(line)
    graphs = (_size(model, Half.DECODER) or 0.0, _size(model, Half.ENCODER))
    return FreshDecoder(seconds, Memory(*said["bare"]), Memory(*said["loaded"]), graphs, said["torch"])


def _size(model: SegmentAnything, half: Half) -> float | None:
    """MiB of what is exported of ``half``, or None when nothing is."""
    graph = graph_path(model.architecture, half, model.checkpoint.sha256, model.folder)
    return sum(file.stat().st_size for file in graph.parent.iterdir()) / MIB if graph.exists() else None


def main() -> None:
    """Load the half, decode a click on an empty embedding, print what the process holds."""
    name, checkpoint, sha256, folder = sys.argv[1:]
    model = SegmentAnything(
        name, Checkpoint(Path(checkpoint), sha256, None, name), Execution("cpu"), Path(folder)
    )
    bare = memory_of("self")
    decoder = model.load_decoder(1)
    arrays = {key: np.zeros((1, *shape), np.float32) for key, shape in model.architecture.outputs.items()}
    embedding = Embedding(arrays, model.version, SIDE, SIDE, SIDE, SIDE)
    decoder.decode(embedding, Prompt(np.full((1, 2), 0.01), np.array([1], np.int32)))
    loaded = memory_of("self")
    said = {"bare": (bare.now, bare.peak), "loaded": (loaded.now, loaded.peak)}
    print(json.dumps({**said, "torch": "torch" in sys.modules}), flush=True)


if __name__ == "__main__":
    main()
