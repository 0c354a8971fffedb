"""Execution of a model's halves: the runtime, the device and the precision of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from segmenters.options import ModelOptions
from segmenters.runtimes.session import Half
from values.errors import ModelError


class Runtime(StrEnum):
    """The library that runs a half on CPU. On a GPU torch does."""

    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"
    TORCH = "torch"


@dataclass(frozen=True, slots=True)
class Execution:
    """The execution that an operator asks for.

    Devices: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. ``precision``: ``auto``, ``float32`` or ``bfloat16``;
    ``auto`` is bfloat16 on a GPU. ``compile``: the encoder, on a GPU.
    """

    encoder: str = "auto"
    decoder: str = "cpu"
    runtime: Runtime = Runtime.ONNXRUNTIME
    precision: str = "auto"
    compile: bool = False

    @classmethod
    def of(cls, options: ModelOptions) -> Execution:
        """The execution that the options ask for."""
        runtime = Runtime.ONNXRUNTIME if options.runtime == "auto" else Runtime(options.runtime)
        decoder = options.device if options.decoder_device == "auto" else options.decoder_device
        return cls(options.device, decoder, runtime, options.precision, options.compile)

    def settled(self, half: Half) -> Settled:
        """The execution of ``half`` in this process, which sees the GPU that Ray gave to it."""
        asked = self.encoder if half is Half.ENCODER else self.decoder
        if asked == "auto":
            device, why = _found_device()
        else:
            device, why = asked, "the settings name the device"
        on_cpu = device == "cpu"
        runtime = self.runtime if on_cpu else Runtime.TORCH
        return Settled(device, runtime, self._bfloat16(device, runtime), self.compile and not on_cpu, why)

    def of_file(self, half: Half) -> Settled:
        """The execution of ``half`` where it is an ONNX file, which runs on CPU.

        Raises ``values.errors.ModelError`` when the settings ask for another device or for torch.
        """
        asked = self.encoder if half is Half.ENCODER else self.decoder
        if asked not in ("auto", "cpu"):
            raise ModelError(
                f"the {half} is an ONNX file, which runs on cpu, and the settings ask for {asked}; name a "
                "checkpoint instead (MODEL, or ONNX_ENCODER for the encoder), which torch runs on a GPU"
            )
        if self.runtime is Runtime.TORCH:
            raise ModelError(
                f"the {half} is an ONNX file, which torch cannot run; set RUNTIME to onnxruntime or openvino"
            )
        bfloat16 = self._bfloat16("cpu", self.runtime)
        return Settled("cpu", self.runtime, bfloat16, False, "it is an ONNX file")

    def _bfloat16(self, device: str, runtime: Runtime) -> bool:
        if runtime is Runtime.ONNXRUNTIME:
            return False  # it cannot compute in bfloat16 on CPU
        return self.precision == "bfloat16" or (self.precision == "auto" and device != "cpu")


@dataclass(frozen=True, slots=True)
class Settled:
    """The execution of a half in this process. ``why``: a clause about the choice of the device."""

    device: str
    runtime: Runtime
    bfloat16: bool
    compile: bool
    why: str

    def __str__(self) -> str:
        precision = "bfloat16" if self.bfloat16 else "float32"
        return f"{self.runtime} on {self.device} in {precision} ({self.why})"


def _found_device() -> tuple[str, str]:
    # Imported here because torch takes seconds to import, which a decoder on CPU need not wait for.
    from segmenters.runtimes.torch_runtime import cuda_is_available

    if cuda_is_available():
        return "cuda", "auto found a GPU"
    return "cpu", "auto found no GPU in this process"
