"""What runs the halves of a model, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Runtime(StrEnum):
    """What runs a half on CPU. On a GPU torch does."""

    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"
    TORCH = "torch"


@dataclass(frozen=True, slots=True)
class Execution:
    """Devices are settled: ``cpu``, ``cuda`` or ``cuda:N``, no ``auto``.

    ``precision``: ``auto``, ``float32`` or ``bfloat16``; ``auto`` is bfloat16 on a GPU.
    """

    encoder: str = "cpu"
    decoder: str = "cpu"
    runtime: Runtime = Runtime.ONNXRUNTIME
    precision: str = "auto"
    compile: bool = False

    def bfloat16(self, device: str) -> bool:
        """Whether a half on ``device`` computes in bfloat16."""
        return self.precision == "bfloat16" or (self.precision == "auto" and device != "cpu")

    def runner(self, device: str) -> Runtime:
        """What runs a half on ``device``."""
        return self.runtime if device == "cpu" else Runtime.TORCH
