from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from segmenters.runtimes.onnx_encoder import EncoderFile, read_encoder
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from tests.segmenters.runtimes import graphs
from values.errors import ModelError


def refusal(path: Path) -> str:
    """What is said about the file, which names it."""
    with pytest.raises(ModelError, match=re.escape(str(path))) as caught:
        read_encoder(path)
    return caught.value.detail


@pytest.mark.parametrize("beside", [None, "weights.data"])
def test_an_encoder_runs_by_the_names_it_has(beside: str | None, tmp_path: Path) -> None:
    found = read_encoder(graphs.encoder(tmp_path / "encoder.onnx", beside=beside))
    assert found == EncoderFile(tmp_path / "encoder.onnx", "pixels", "features")
    image = {found.input: np.ones((1, 3, 1024, 1024), np.float32)}
    answer = OnnxRuntimeSession(found.path, 1).run(image, [found.output])
    embedding = np.asarray(answer[found.output], np.float32)
    assert embedding.shape == (1, 256, 64, 64)
    np.testing.assert_allclose(embedding[0, :, 0, 0], graphs.WEIGHT.sum((1, 2, 3)), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("float[batch, 3, 1024, 1024] pixels", "float[1, 3, 1024, 1024] pixels"),
        ("float[batch, 256, 64, 64] features", "float[batch, 256, rows, columns] features"),
        ("float[batch, 256, 64, 64] features", "float[?, ?, ?, ?] features"),
        (
            "float[batch, 256, 64, 64] features",
            "float[?, ?, ?, ?] middle, float[batch, 256, 64, 64] features, float[1, 256] pooled",
        ),
    ],
)
def test_sizes_may_be_free_and_other_outputs_there(old: str, new: str, tmp_path: Path) -> None:
    assert read_encoder(graphs.encoder(tmp_path / "encoder.onnx", (old, new))).output == "features"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "float[batch, 3, 1024, 1024]",
            "float16[batch, 3, 1024, 1024]",
            "it takes pixels: float16 (any, 3, 1024, 1024), not one image as float32 (1, 3, 1024, 1024)",
        ),
        ("float[batch, 3, 1024, 1024]", "float[batch, 3, 512, 512]", "pixels: float32 (any, 3, 512, 512)"),
        ("float[batch, 3, 1024, 1024]", "float[4, 3, 1024, 1024]", "pixels: float32 (4, 3, 1024, 1024)"),
        ("float[batch, 3, 1024, 1024]", "uint8[height, width, 3]", "pixels: uint8 (any, any, 3)"),
        ("(float[batch", "(float[1] scale, float[batch", "scale: float32 (1), pixels: float32"),
        (
            "float[batch, 256, 64, 64]",
            "float[batch, 1280, 64, 64]",
            "one embedding as float32 (1, 256, 64, 64), but has only features: float32 (any, 1280, 64, 64)",
        ),
        ("float[batch, 256, 64, 64]", "float16[batch, 256, 64, 64]", "only features: float16"),
        (
            "float[batch, 256, 64, 64] features",
            "float[1, 256, 64, 64] features, float[1, 256, 64, 64] more",
            "2 outputs of that shape",
        ),
        (
            "float[batch, 256, 64, 64] features",
            "float[1, 32, 256, 256] high_res_feats_0, float[1, 256, 64, 64] features",
            "is an encoder of SAM 2 (it gives high_res_feats_0)",
        ),
    ],
)
def test_what_does_not_fit_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    refused = refusal(graphs.encoder(tmp_path / "encoder.onnx", (old, new)))
    assert said in refused
    assert "; set " in refused, "no remedy"


def test_a_decoder_is_no_encoder(tmp_path: Path) -> None:
    refused = refusal(graphs.decoder(tmp_path / "decoder.onnx"))
    assert "is not an image encoder but a mask decoder" in refused
    assert "ONNX_CHECKPOINT" in refused


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    refused = refusal(tmp_path / "missing.onnx")
    assert "No such file" in refused
    assert "ONNX_ENCODER" in refused
