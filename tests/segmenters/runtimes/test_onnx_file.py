from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import safetensors.torch
import torch

from segmenters.runtimes.onnx_file import Value, inputs, outputs, read_model
from tests.segmenters.runtimes import graphs
from values.errors import ModelError

REMEDY = "bring another"


def refusal(path: Path) -> str:
    """What is said about the file, which names it."""
    with pytest.raises(ModelError, match=re.escape(str(path))) as caught:
        read_model(path, REMEDY)
    return caught.value.detail


def _torch(save: Callable[[io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


TENSORS = {"weight": torch.zeros(3)}


def test_a_file_s_inputs_and_outputs_are_described(tmp_path: Path) -> None:
    model = read_model(graphs.decoder(tmp_path / "decoder.onnx"), REMEDY)
    assert inputs(model)["point_coords"] == Value("float32", (1, None, 2))
    assert list(outputs(model).items())[:2] == [
        ("masks", Value("float32", (None, None, None, None))),
        ("iou_predictions", Value("float32", (None, 4))),
    ]


def test_weights_listed_among_the_inputs_are_none(tmp_path: Path) -> None:
    model = graphs.model(graphs.ENCODER, weight=graphs.WEIGHT)
    model.graph.input.append(onnx.helper.make_tensor_value_info("weight", 1, graphs.WEIGHT.shape))
    onnx.save(model, str(tmp_path / "encoder.onnx"))
    assert list(inputs(read_model(tmp_path / "encoder.onnx", REMEDY))) == ["pixels"]


@pytest.mark.parametrize(
    ("declared", "fits"),
    [
        (Value("float32", (1, None, 2)), True),
        (Value("float32", (None, None, 2)), True),
        (Value("float32", None), True),
        (Value("float32", (1, 5, 2)), False),
        (Value("float32", (2, None, 2)), False),
        (Value("float32", (1, None)), False),
        (Value("float16", (1, None, 2)), False),
    ],
)
def test_free_sizes_take_any_and_only_they_do(declared: Value, fits: bool) -> None:
    assert declared.fits(Value("float32", (1, None, 2))) is fits


def test_values_are_said_plainly() -> None:
    assert str(Value("float32", (1, None, 2))) == "float32 (1, any, 2)"
    assert str(Value("int64", None)) == "int64 of any shape"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"\n<!DOCTYPE html><html></html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
        (_torch(lambda file: torch.save(TENSORS, file)), "a torch checkpoint"),
        (
            _torch(lambda file: torch.save(TENSORS, file, _use_new_zipfile_serialization=False)),
            "a torch checkpoint",
        ),
        (safetensors.torch.save(TENSORS), "safetensors"),
        (b"hello, this is no model at all", "damaged"),
        (b"\x08\x08", "it holds no graph"),
        (onnx.parser.parse_model(graphs.DECODER).SerializeToString()[:-20], "damaged or incomplete"),
    ],
)
def test_what_is_no_onnx_file_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    refused = refusal(path)
    assert said in refused
    assert refused.endswith(REMEDY)


def test_a_path_without_a_file_is_named(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "missing.onnx")
    assert "directory" in refusal(tmp_path)


def test_a_file_too_large_for_its_format_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    path.write_bytes(b"\x08\x08")
    os.truncate(path, 2**31)
    assert "save_as_external_data" in refusal(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ir_version: 8", "ir_version: 99", "IR 99, opset ai.onnx 17"),
        ('"": 17', '"": 99', "opset ai.onnx 99"),
        ('"": 17', '"": 17, "ai.onnx.ml": 99', "ai.onnx.ml 99"),
    ],
)
def test_a_version_that_the_runtime_does_not_take_is_named(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    refused = refusal(graphs.decoder(tmp_path / "newer.onnx", (old, new)))
    assert said in refused
    assert "opset 17" in refused


def test_domains_that_the_runtime_does_not_know_are_no_newer_versions(tmp_path: Path) -> None:
    path = graphs.decoder(tmp_path / "own.onnx", ('"": 17', '"": 17, "com.example": 3'))
    assert read_model(path, REMEDY).opset_import[1].domain == "com.example"


def test_weights_in_a_file_beside_it_are_not_read(tmp_path: Path) -> None:
    path = graphs.encoder(tmp_path / "encoder.onnx", beside="encoder.data")
    (weight,) = read_model(path, REMEDY).graph.initializer
    assert weight.data_location == onnx.TensorProto.EXTERNAL
    assert not weight.raw_data


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    path = graphs.encoder(tmp_path / "encoder.onnx", beside="encoder.data")
    (tmp_path / "encoder.data").unlink()
    refused = refusal(path)
    assert str(tmp_path / "encoder.data") in refused
    assert "missing" in refused


def test_weights_that_are_cut_short_are_named(tmp_path: Path) -> None:
    path = graphs.encoder(tmp_path / "encoder.onnx", beside="encoder.data")
    os.truncate(tmp_path / "encoder.data", graphs.WEIGHT.nbytes - 1)
    assert "encoder.data" in refusal(path)
    assert "incomplete" in refusal(path)


@pytest.mark.parametrize("entry", [("location", "../other.data"), ("location", "/etc/hostname")])
def test_weights_elsewhere_are_refused(entry: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "other.data").write_bytes(bytes(graphs.WEIGHT.nbytes))
    (tmp_path / "folder").mkdir()
    path = _misplaced(tmp_path / "folder" / "encoder.onnx", *entry)
    assert f"keeps weights in {entry[1]}, outside its own folder" in refusal(path)


@pytest.mark.parametrize("entry", [("offset", "-4"), ("length", "many")])
def test_misplaced_weights_are_refused(entry: tuple[str, str], tmp_path: Path) -> None:
    assert "misplaces weight" in refusal(_misplaced(tmp_path / "encoder.onnx", *entry))


def _misplaced(path: Path, key: str, value: str) -> Path:
    """An encoder's file, what it says of its weights in another file changed."""
    model = onnx.load(str(graphs.encoder(path, beside="encoder.data")), load_external_data=False)
    (weight,) = model.graph.initializer
    entries = {entry.key: entry for entry in weight.external_data}
    (entries[key] if key in entries else weight.external_data.add(key=key)).value = value
    path.write_bytes(model.SerializeToString())
    return path
