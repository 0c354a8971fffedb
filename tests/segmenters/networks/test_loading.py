"""Checkpoints of the publishers into our networks, strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from segmenters.models import ARCHITECTURES
from segmenters.networks.loading import check, load, model_of
from segmenters.runtimes.session import Half
from segmenters.sam.inputs import canvas
from testing.weights import checkpoints, pictures
from values.errors import ModelError

MOBILE = ARCHITECTURES["mobile_sam"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint file of each model."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return {name: checkpoints.write(name, folder / f"{name}.pt") for name in checkpoints.MODELS}


def test_the_attention_biases_of_mobile_sam_are_alive(written: dict[str, Path], tmp_path: Path) -> None:
    weights = torch.load(written["mobile_sam"], weights_only=True)
    for key in weights:
        if key.endswith("attention_biases"):
            weights[key] = torch.zeros_like(weights[key])
    torch.save(weights, tmp_path / "without.pt")
    image = torch.from_numpy(canvas(pictures.image("land")))
    with torch.inference_mode():
        [alive] = load(MOBILE, Half.ENCODER, written["mobile_sam"])(image)
        [lost] = load(MOBILE, Half.ENCODER, tmp_path / "without.pt")(image)
    assert (alive - lost).abs().max() > 0.1


@pytest.mark.parametrize("name", checkpoints.MODELS)
def test_a_checkpoint_tells_its_model(written: dict[str, Path], name: str) -> None:
    assert model_of(written[name]) == name
    check(ARCHITECTURES[name], written[name])


@pytest.mark.parametrize(
    ("file", "wanted"),
    [("mobile_sam", "sam_vit_b"), ("sam_vit_b", "sam2.1_hiera_tiny"), ("sam2.1_hiera_tiny", "mobile_sam")],
)
def test_a_checkpoint_of_another_model_is_recognised(
    written: dict[str, Path], file: str, wanted: str
) -> None:
    for read in (check, lambda architecture, path: load(architecture, Half.ENCODER, path)):
        with pytest.raises(ModelError, match=f"look like {file}; choose the model {file}"):
            read(ARCHITECTURES[wanted], written[file])


def test_safetensors_and_wrapped_checkpoints_are_read_as_well(tmp_path: Path) -> None:
    weights = checkpoints.state_dict("mobile_sam")
    plain = checkpoints.write("mobile_sam", tmp_path / "plain.pt")
    safe = checkpoints.write("mobile_sam", tmp_path / "safe.safetensors")
    trained = tmp_path / "trained.pt"
    torch.save({"epoch": 3, "state_dict": {f"module.{key}": each for key, each in weights.items()}}, trained)
    expected = load(MOBILE, Half.DECODER, plain).state_dict()
    for path in (safe, trained):
        found = load(MOBILE, Half.DECODER, path).state_dict()
        assert all(torch.equal(found[key], value) for key, value in expected.items())


def test_a_half_holds_no_weights_of_the_other(written: dict[str, Path]) -> None:
    encoder, decoder = (load(MOBILE, half, written["mobile_sam"]) for half in Half)
    assert all(key.startswith("image_encoder.") for key in encoder.state_dict())
    assert not any(key.startswith("image_encoder.") for key in decoder.state_dict())


class Anything:
    """An object that a pickle may hold."""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"<!doctype html><title>Sign in", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "a pointer of Git LFS"),
        (b"PK\x03\x04 cut short", "damaged or incomplete"),
        (b"no weights at all", "is no pickle of tensors"),
    ],
)
def test_what_is_no_checkpoint_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=said) as error:
        load(MOBILE, Half.DECODER, path)
    assert str(path) in error.value.detail


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model": Anything(), "a": torch.zeros(1)}, "a Python object, tests.*Anything"),
        ({"epoch": 3}, "holds no tensors"),
        ({"some.weight": torch.zeros(1)}, "does not fit the decoder of mobile_sam: .* missing.*1 entry"),
    ],
)
def test_objects_and_other_tensors_are_refused(tmp_path: Path, content: Any, said: str) -> None:
    path = tmp_path / "a.pt"
    torch.save(content, path)
    with pytest.raises(ModelError, match=said):
        load(MOBILE, Half.DECODER, path)


def test_a_damaged_checkpoint_is_named(written: dict[str, Path], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(written["mobile_sam"].read_bytes()[:100_000])
    safe = checkpoints.write("mobile_sam", tmp_path / "damaged.safetensors")
    safe.write_bytes(safe.read_bytes()[:100_000])
    for path in (damaged, safe, tmp_path / "missing.pt", tmp_path):
        with pytest.raises(ModelError, match=path.name):
            load(MOBILE, Half.DECODER, path)


def test_a_weight_of_another_shape_is_named(written: dict[str, Path], tmp_path: Path) -> None:
    weights = checkpoints.state_dict("mobile_sam")
    weights["mask_decoder.iou_token.weight"] = torch.zeros(2, 256)
    safetensors.torch.save_file(weights, tmp_path / "odd.safetensors")
    with pytest.raises(ModelError, match=r"iou_token\.weight of 2x256 instead of 1x256"):
        load(MOBILE, Half.DECODER, tmp_path / "odd.safetensors")
