"""What is refused at once. Every case here is one of files and words: nothing is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segmenters.model_names import NAMES
from segmenters.models import PUBLISHED
from segmenters.options import ModelOptions
from segmenters.preflight import check
from values.errors import ModelError


def refused(gpus: int | None = 0, **given: Any) -> str:
    with pytest.raises(ModelError) as error:
        check(ModelOptions.model_validate(given), gpus)
    return error.value.detail


@pytest.mark.parametrize("name", [name for name in NAMES if name != "onnx"])
def test_a_model_that_may_be_downloaded_is_fine(name: str, tmp_path: Path) -> None:
    check(ModelOptions(model=name, model_dir=tmp_path), 0)


def test_a_gpu_is_asked_for_where_there_is_one(tmp_path: Path) -> None:
    for gpus in (1, None):
        check(ModelOptions(model_dir=tmp_path, device="cuda", decoder_device="cuda:0"), gpus)
    assert refused(device="cuda:1").startswith("DEVICE is cuda:1 and this machine has no GPU")


def test_a_checkpoint_of_another_size_than_the_publishers(tmp_path: Path) -> None:
    file = tmp_path / PUBLISHED["mobile_sam"].filename
    file.write_bytes(b"PK" + bytes(100))
    said = refused(model="mobile_sam", model_dir=tmp_path)
    assert f"{file} is not the checkpoint of mobile_sam, which has 40728226 bytes: delete it" in said
    assert "put the right file there" in refused(model="mobile_sam", model_dir=tmp_path, offline=True)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "an empty file"),
        (b"<html>", "a web page"),
        (b"version https://git-lfs.", "a pointer of Git LFS"),
    ],
)
def test_the_usual_mistakes_for_a_checkpoint(content: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(content)
    for model in ("auto", "sam_vit_b"):
        assert what in refused(model=model, checkpoint="mine.pt", model_dir=tmp_path)


def test_a_checkpoint_of_ones_own_is_fine_and_an_address_needs_its_hash(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"PK" + bytes(100))
    check(ModelOptions(model="sam_vit_b", checkpoint="mine.pt", model_dir=tmp_path), 0)
    check(ModelOptions(checkpoint="mine.pt", model_dir=tmp_path), 0)
    check(ModelOptions(model="sam_vit_b", checkpoint="https://a.org/b.pt", checkpoint_sha256="0" * 64), 0)
    assert "set CHECKPOINT_SHA256" in refused(model="sam_vit_b", checkpoint="https://a.org/b.pt")
    assert "set MODEL too" in refused(checkpoint="https://a.org/b.pt")


def test_the_files_of_onnx(tmp_path: Path) -> None:
    (tmp_path / "decoder.onnx").write_bytes(b"\x08\x08" + bytes(100))
    given: dict[str, Any] = {"model": "onnx", "onnx_checkpoint": "decoder.onnx", "model_dir": tmp_path}
    check(ModelOptions.model_validate(given), 0)
    assert "encoder.onnx: No such file" in refused(**given, onnx_encoder="encoder.onnx")
    assert "no model is called 'sam_vit_x'" in refused(**given, onnx_encoder="sam_vit_x")
    assert "classical is no encoder for onnx" in refused(**given, onnx_encoder="classical")
    assert "an ONNX file, which torch cannot run" in refused(**given, runtime="torch")
    assert "the settings ask for cuda" in refused(1, **given, decoder_device="cuda")
    (tmp_path / "encoder.onnx").write_bytes(b"\x08\x08" + bytes(100))
    check(ModelOptions.model_validate({**given, "onnx_encoder": "encoder.onnx"}), 0)
    assert "the settings ask for cuda" in refused(1, **given, onnx_encoder="encoder.onnx", device="cuda")


def test_a_runtime_whose_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segmenters.preflight.find_spec", lambda name: None)
    assert "pip install -r requirements-openvino.txt" in refused(runtime="openvino")
