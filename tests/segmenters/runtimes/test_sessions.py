"""What runs a graph or a module: the same answers, from several threads, and sentences for what fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as pybind
from torch import Tensor, nn

from segmenters.architectures import SIDE, STD
from segmenters.runtimes import torch_runtime
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from segmenters.runtimes.openvino_runtime import OpenVinoSession
from segmenters.runtimes.session import Session
from segmenters.runtimes.torch_runtime import TorchDevice, TorchFeatures, TorchSession
from segmenters.sam.inputs import canvas
from values import errors
from values.errors import ModelError

WEIGHT = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
GRAPH = onnx.parser.parse_model(
    """<ir_version: 8, opset_import: ["": 17]>
    product (float[N, 64] left, float[64, 64] right) => (float[N, 64] out, float[N, 64] twice) {
        out = MatMul(left, right)
        twice = Add(out, out)
    }"""
)


class Product(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        out = left @ right
        return out, out + out


def _onnx_runtime() -> Session:
    return OnnxRuntimeSession(GRAPH.SerializeToString(), 1)


def _openvino() -> Session:
    return OpenVinoSession(GRAPH.SerializeToString(), 1, bfloat16=False)


def _torch() -> Session:
    return TorchSession(TorchDevice("cpu", 1, bfloat16=False), Product(), ("out", "twice"))


RUNTIMES: Mapping[str, Callable[[], Session]] = {
    "onnxruntime": _onnx_runtime,
    "openvino": _openvino,
    "torch": _torch,
}
each_runtime = pytest.mark.parametrize("runtime", RUNTIMES)


def _inputs(rows: int, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    left = np.random.default_rng(seed).standard_normal((rows, 64)).astype(np.float32)
    inputs = {"left": left, "right": WEIGHT.copy()}
    for array in inputs.values():
        array.flags.writeable = False
    return inputs


@each_runtime
def test_the_outputs_that_are_asked_for(runtime: str) -> None:
    inputs = _inputs(3)
    found = RUNTIMES[runtime]().run(inputs, ["twice"])
    assert list(found) == ["twice"]
    np.testing.assert_allclose(found["twice"], 2 * (inputs["left"] @ inputs["right"]), rtol=1e-4, atol=1e-4)


@each_runtime
def test_threads_do_not_see_each_others_answers(runtime: str) -> None:
    session = RUNTIMES[runtime]()

    def ask(seed: int) -> bool:
        inputs = _inputs(1 + seed % 5, seed)
        found = session.run(inputs, ["out"])["out"]
        session.run(_inputs(2, seed + 1), ["out"])  # must not write over what was given away
        return bool(np.allclose(found, inputs["left"] @ inputs["right"], rtol=1e-4, atol=1e-4))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(200)))


@each_runtime
def test_inputs_that_do_not_fit_end_in_a_sentence(runtime: str) -> None:
    inputs = _inputs(1) | {"right": np.zeros((3, 3), np.float32)}
    with pytest.raises(ModelError):
        RUNTIMES[runtime]().run(inputs, ["out"])


@pytest.mark.parametrize("content", [b"", b"no graph", GRAPH.SerializeToString()[:-20]])
def test_a_damaged_graph_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"ONNX Runtime cannot load {path}"):
        OnnxRuntimeSession(path, 1)
    with pytest.raises(ModelError, match=f"OpenVINO cannot load {path}"):
        OpenVinoSession(path, 1, bfloat16=False)


def test_openvino_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelError, match=r"requirements-openvino\.txt"):
        _openvino()


class Mean(nn.Module):
    """Stands for an encoder: what it gives depends on every pixel of its own image only."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return image.mean((2, 3)), image[:, :, ::64, ::64]


def test_torch_normalises_and_pads_each_image_of_a_batch_as_the_others_do() -> None:
    random = np.random.default_rng(0)
    batch = [
        random.integers(0, 256, (SIDE, 700, 3), np.uint8),
        random.uniform(0, 255, (300, SIDE, 3)).astype(np.float32),
    ]
    encoder = TorchFeatures(TorchDevice("cpu", 1, bfloat16=False), Mean(), ("mean", "some"), compiled=False)
    found = encoder.features(batch)
    for rgb, arrays in zip(batch, found, strict=True):
        expected = canvas(rgb)
        np.testing.assert_allclose(arrays["some"], expected[:, :, ::64, ::64], atol=1e-5)
        np.testing.assert_allclose(arrays["mean"], expected.mean((2, 3)), atol=1e-4)
        assert arrays["mean"].shape == (1, 3)


class Compiled(Mean):
    """Notes what a compiler would have to compile: the shape of every batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.dynamic: bool | None = None

    def compile(self, *, dynamic: bool) -> None:
        self.dynamic = dynamic

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self.batches.append(len(image))
        return super().forward(image)


@pytest.mark.slow
def test_a_compiled_encoder_sees_no_batch_that_it_was_not_compiled_for() -> None:
    module = Compiled()
    encoder = TorchFeatures(TorchDevice("cpu", 1, bfloat16=False), module, ("mean", "some"), compiled=True)
    assert module.dynamic is False
    assert module.batches == [1, 2, 4, 8]
    for images, seen in ((1, [1]), (3, [4]), (5, [8]), (8, [8]), (9, [8, 1]), (19, [8, 8, 4])):
        module.batches.clear()
        batch = [np.full((SIDE, SIDE, 3), number, np.uint8) for number in range(images)]
        found = encoder.features(batch)
        assert module.batches == seen
        means = [float(arrays["mean"][0, 0]) for arrays in found]
        np.testing.assert_allclose(np.diff(means), 1 / STD[0], rtol=1e-3)
        assert len(means) == images


def test_channels_last_changes_no_value() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 4, 3, stride=64)
    module = nn.Sequential(convolution, nn.ReLU())
    rgb = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    device = TorchDevice("cpu", 1, bfloat16=False)
    [expected] = TorchFeatures(device, _Named(module), ("out",), compiled=False).features([rgb])
    device._format = torch.channels_last
    [found] = TorchFeatures(device, _Named(module), ("out",), compiled=False).features([rgb])
    assert convolution.weight.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(found["out"], expected["out"], atol=1e-5)
    assert found["out"].flags.c_contiguous


class _Named(nn.Module):
    """A module that gives a tuple, as encoders do."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Tensor) -> tuple[Tensor]:
        return (self.module(image),)


def test_bfloat16_rounds_and_answers_in_float32() -> None:
    session = TorchSession(TorchDevice("cpu", 1, bfloat16=True), Product(), ("out", "twice"))
    inputs = _inputs(4)
    found = session.run(inputs, ["out"])["out"]
    exact = inputs["left"] @ inputs["right"]
    assert found.dtype == np.float32
    assert 1e-4 < np.abs(found - exact).max() < 0.5


class OutOfMemory(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    def to(self, *_: object, **__: object) -> OutOfMemory:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


def test_a_gpu_that_is_full_is_said_at_load_and_later() -> None:
    device = TorchDevice("cpu", 1, bfloat16=False)
    with pytest.raises(ModelError, match="too little free memory to load a model; choose a smaller model"):
        TorchSession(device, OutOfMemory(), ("out",))
    session = TorchSession(device, Product(), ("out", "twice"))
    session._module = OutOfMemory()
    with pytest.raises(ModelError, match="too little free memory to run the model"):
        session.run(_inputs(1), ["out"])


class Raising(nn.Module):
    """A network that ends in ``error``, as one on a device that is out of order does."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), errors.OutOfMemory),
        (RuntimeError("CUDA error: out of memory"), errors.OutOfMemory),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] can't allocate memory"), errors.OutOfMemory),
        (MemoryError(), errors.OutOfMemory),
        (RuntimeError("CUDA error: unspecified launch failure"), errors.DeviceFailed),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), errors.DeviceFailed),
    ],
)
def test_what_torch_fails_with_is_the_devices_failure(error: Exception, raised: type[Exception]) -> None:
    session = TorchSession(TorchDevice("cpu", 1, bfloat16=False), Product(), ("out", "twice"))
    session._module = Raising(error)
    with pytest.raises(errors.DeviceFailed) as caught:
        session.run(_inputs(1), ["out"])
    assert type(caught.value) is raised


class Broken:
    """An inference session of ONNX Runtime that fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def run(self, *_: object) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (pybind.RuntimeException("Failed to allocate memory for requested buffer"), errors.OutOfMemory),
        (pybind.RuntimeException("bad allocation"), errors.OutOfMemory),
        (pybind.Fail("Non-zero status code returned while running Conv node"), errors.DeviceFailed),
        (pybind.InvalidArgument("Got invalid dimensions for input: left"), ModelError),
    ],
)
def test_onnx_runtime_tells_a_wrong_input_from_a_failure(error: Exception, raised: type[Exception]) -> None:
    session = OnnxRuntimeSession(GRAPH.SerializeToString(), 1)
    session._session = Broken(error)
    with pytest.raises(ModelError) as caught:
        session.run(_inputs(1), ["out"])
    assert type(caught.value) is raised


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU")
def test_a_gpu_that_is_not_there_is_said() -> None:
    with pytest.raises(ModelError, match=r"ask for cuda and this process has no GPU.*num_gpus: 1"):
        TorchDevice("cuda", 1, bfloat16=True)


def test_a_gpu_of_another_number_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime, "cuda_is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ModelError, match="ask for cuda:3 and this process sees 1 GPUs"):
        TorchDevice("cuda:3", 1, bfloat16=True)
