"""Exported ONNX graphs of models' halves, made once from a checkpoint and kept on disk."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import filelock

from segmenters.architectures import Architecture
from segmenters.runtimes.session import Half
from values.errors import ModelError

logger = logging.getLogger("ray.serve")

# Parts of the folders' names. Raise one when what is exported changes, so that graphs are exported anew.
_REVISION = {Half.ENCODER: 1, Half.DECODER: 2}
_GRAPH = "model.onnx"

IMAGE_PART, PROMPTS_PART = "image_part.onnx", "prompts_part.onnx"
"""The decoder for many prompts on one image, beside the decoder's graph."""

_ROOT = Path(__file__).resolve().parents[2]


def exported(architecture: Architecture, half: Half, checkpoint: Path, sha256: str, folder: Path) -> Path:
    """The graph of ``half``, exported first if ``folder`` does not have it yet.

    ``sha256``: of the checkpoint, which names the graph. One process exports while others wait for it, and
    the graph appears at once and whole. A process of its own exports, because torch is needed for nothing
    else, takes hundreds of MB, and may be killed for them.
    Raises ``values.errors.ModelError`` when the folder cannot be written or the export fails.
    """
    graph = graph_path(architecture, half, sha256, folder)
    if graph.exists():
        return graph
    place = graph.parent
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{place}.lock"):
            if not graph.exists():
                _export_to(place, architecture, half, checkpoint)
    except OSError as error:
        raise ModelError(
            f"cannot write the exported {half} of {architecture.name} to {place}: {error.strerror or error}; "
            "give MODEL_DIR a folder that can be written and has room for it"
        ) from None
    return graph


def graph_path(architecture: Architecture, half: Half, sha256: str, folder: Path) -> Path:
    """Where the graph of ``half`` is in ``folder``, the models folder, once it is exported."""
    return folder / "exports" / f"{architecture.name}-{sha256[:16]}" / f"{half}-{_REVISION[half]}" / _GRAPH


def _export_to(place: Path, architecture: Architecture, half: Half, checkpoint: Path) -> None:
    logger.info("exporting the %s of %s to ONNX, once: %s", half, architecture.name, place)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as scratch:
        target = Path(scratch) / "new"
        target.mkdir()
        _in_process(architecture, half, checkpoint, target / _GRAPH)
        shutil.rmtree(place, ignore_errors=True)  # it holds no graph
        target.rename(place)


def _in_process(architecture: Architecture, half: Half, checkpoint: Path, graph: Path) -> None:
    arguments = (architecture.name, half.value, str(checkpoint), str(graph))
    done = subprocess.run(
        [sys.executable, "-m", "segmenters.networks.onnx_export", *arguments],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    lines = done.stderr.strip().splitlines()
    killed = f"it was ended by signal {-done.returncode}, as for want of memory"
    reason = killed if done.returncode < 0 else (lines[-1] if lines else f"status {done.returncode}")
    raise ModelError(f"exporting the {half} of {architecture.name} from {checkpoint} failed: {reason[:500]}")
