"""OpenVINO on CPU: an optional package, faster than ONNX Runtime where bfloat16 is allowed."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from segmenters.runtimes.session import Array, device_failure, first_line, graph_name
from values.cores import usable_cores
from values.errors import ModelError


class OpenVinoSession:
    """A ``segmenters.runtimes.session.Session`` on CPU."""

    def __init__(self, graph: Path | bytes, threads: int, *, bfloat16: bool) -> None:
        """Compile ``graph``, a file or its content, to compute with ``threads`` threads a call.

        Raises ``values.errors.ModelError`` when the package is missing or does not take the graph.
        """
        self._name = graph_name(graph)
        core = _core(_package())
        streams = max(1, usable_cores() // threads)  # calls that compute at once
        config = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams * threads,
            "ENABLE_CPU_PINNING": False,  # other replicas share the cores
            # Without a hint it takes bfloat16 wherever the processor has it.
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        }
        try:
            model = core.read_model(str(graph) if isinstance(graph, Path) else graph)
            self._compiled = core.compile_model(model, "CPU", config)
        except Exception as error:  # its own classes have no root of their own
            raise ModelError(f"OpenVINO cannot load {self._name}: {first_line(error)}") from None
        # A request holds its inputs and outputs, so each thread needs its own.
        self._requests = threading.local()

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """The outputs of these names."""
        request = getattr(self._requests, "own", None)
        if request is None:
            request = self._requests.own = self._compiled.create_infer_request()
        try:
            request.infer({name: np.ascontiguousarray(array) for name, array in inputs.items()})
            # Copies, because the next call of this thread writes over a request's own memory.
            return {name: np.array(request.get_tensor(name).data) for name in outputs}
        except Exception as error:
            raise device_failure(f"OpenVINO failed in {self._name}", error) from None


@cache
def _core(openvino: Any) -> Any:
    """OpenVINO's core, which is kept until the process ends.

    Its plugin for CPUs gives the thread that loads it another stack for signals, and frees it with the last
    core and graph. If another thread drops those, the next signal ends the process.
    """
    return openvino.Core()


def _package() -> Any:
    try:
        return importlib.import_module("openvino")
    except ImportError:
        raise ModelError(
            "the runtime openvino needs a package that is not installed; run "
            "`pip install -r requirements-openvino.txt`, or set RUNTIME=onnxruntime"
        ) from None
