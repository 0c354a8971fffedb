"""ONNX Runtime, which runs both halves on CPU by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from segmenters.runtimes.session import Array, device_failure, first_line, graph_name
from values.errors import ModelError


class OnnxRuntimeSession:
    """A ``segmenters.runtimes.session.Session`` on CPU."""

    def __init__(self, graph: Path | bytes, threads: int) -> None:
        """Load ``graph``, a file or its content, to compute with ``threads`` threads a call.

        Raises ``values.errors.ModelError`` for a graph that the runtime does not take.
        """
        self._name = graph_name(graph)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin while they wait would take the cores of the other replicas.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        model = str(graph) if isinstance(graph, Path) else graph
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own classes have no root of their own
            raise ModelError(f"ONNX Runtime cannot load {self._name}: {first_line(error)}") from None

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """The outputs of these names."""
        try:
            found = self._session.run(list(outputs), dict(inputs))
        except InvalidArgument as error:
            raise ModelError(f"ONNX Runtime does not take this: {first_line(error)}") from None
        except Exception as error:
            raise device_failure(f"ONNX Runtime failed in {self._name}", error) from None
        return dict(zip(outputs, found, strict=True))
