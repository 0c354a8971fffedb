from __future__ import annotations

import pytest

from segmenters.runtimes import torch_runtime
from segmenters.runtimes.session import Half
from segmenters.sam.execution import Execution, Runtime
from values.errors import ModelError


@pytest.mark.parametrize(("gpu", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(gpu: bool, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime, "cuda_is_available", lambda: gpu)
    settled = Execution(compile=True).settled(Half.ENCODER)
    assert settled.device == device
    assert settled.runtime is (Runtime.TORCH if gpu else Runtime.ONNXRUNTIME)
    assert settled.bfloat16 is settled.compile is gpu
    assert "GPU" in str(settled)


def test_a_decoder_stays_on_the_cpu_unless_it_is_told() -> None:
    assert Execution().settled(Half.DECODER).device == "cpu"
    assert Execution(decoder="cuda:1").settled(Half.DECODER).device == "cuda:1"


@pytest.mark.parametrize(
    ("runtime", "precision", "bfloat16"),
    [
        (Runtime.ONNXRUNTIME, "bfloat16", False),
        (Runtime.OPENVINO, "bfloat16", True),
        (Runtime.OPENVINO, "auto", False),
        (Runtime.TORCH, "bfloat16", True),
        (Runtime.TORCH, "float32", False),
    ],
)
def test_precision_on_cpu(runtime: Runtime, precision: str, bfloat16: bool) -> None:
    execution = Execution("cpu", "cpu", runtime, precision)
    assert [execution.settled(half).bfloat16 for half in Half] == [bfloat16, bfloat16]


def test_float32_on_a_gpu_is_a_setting() -> None:
    assert not Execution("cuda", precision="float32").settled(Half.ENCODER).bfloat16


def test_what_runs_and_why_is_a_line_of_the_log() -> None:
    line = str(Execution("cpu", "cpu").settled(Half.ENCODER))
    assert line == "onnxruntime on cpu in float32 (the settings name the device)"


def test_an_onnx_file_runs_on_cpu_only() -> None:
    assert Execution().of_file(Half.ENCODER).device == "cpu"
    with pytest.raises(ModelError, match=r"the encoder is an ONNX file, which runs on cpu.*cuda:0"):
        Execution("cuda:0").of_file(Half.ENCODER)
    with pytest.raises(ModelError, match="which torch cannot run; set RUNTIME"):
        Execution(runtime=Runtime.TORCH).of_file(Half.DECODER)
