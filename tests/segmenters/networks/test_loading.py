"""Checkpoints of the publishers into our networks, strictly."""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from segmenters.models import ARCHITECTURES
from segmenters.networks.loading import check, load, model_of
from segmenters.runtimes.session import Half
from testing.weights import checkpoints
from values.errors import ModelError

MOBILE = ARCHITECTURES["mobile_sam"]


class Anything:
    """An object that a pickle may hold."""


class Dataset:
    """As trainers keep them: options, functions, paths and objects of other libraries."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.options = argparse.Namespace(patch=(512, 512))
        self.sampler = functools.partial(sorted, reverse=True)
        self.transforms = [torch.nn.Sequential(torch.nn.ReLU()), Anything(), {Anything()}]


def touch(path: str) -> None:
    """Leaves a trace of having run."""
    Path(path).touch()


class Runs:
    """What a pickle of it calls when it is read."""

    def __init__(self, argument: str, function: Callable[[str], Any]) -> None:
        self.argument, self.function = argument, function

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return self.function, (self.argument,)


@pytest.fixture(scope="module")
def mobile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MobileSAM's checkpoint file."""
    return checkpoints.write("mobile_sam", tmp_path_factory.mktemp("checkpoints") / "mobile_sam.pt")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint file of each model: keys and shapes, over a single number, which takes no room."""
    folder = tmp_path_factory.mktemp("keys")
    for name in checkpoints.MODELS:
        shapes = checkpoints.shapes(name)
        torch.save({key: torch.zeros(()).expand(shape) for key, shape in shapes.items()}, folder / name)
    return {name: folder / name for name in checkpoints.MODELS}


@pytest.mark.slow
def test_the_attention_biases_of_mobile_sam_are_alive(mobile: Path) -> None:
    """In the weights that stand in, so that test_golden.py would see them lost."""
    block = load(MOBILE, Half.ENCODER, mobile).get_submodule("image_encoder.layers.1.blocks.0.attn")
    x = torch.rand(1, 128, 128, 128, generator=torch.Generator().manual_seed(0))
    alive = block(x)
    block.get_buffer("biases").zero_()
    assert (alive - block(x)).abs().max() > 0.1


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


@pytest.mark.slow
def test_safetensors_and_wrapped_checkpoints_are_read_as_well(mobile: Path, tmp_path: Path) -> None:
    weights = torch.load(mobile, weights_only=True)
    safe = checkpoints.write("mobile_sam", tmp_path / "safe.safetensors")
    trained = tmp_path / "trained.pt"
    torch.save({"epoch": 3, "state_dict": {f"module.{key}": each for key, each in weights.items()}}, trained)
    expected = load(MOBILE, Half.DECODER, mobile).state_dict()
    for path in (safe, trained):
        found = load(MOBILE, Half.DECODER, path).state_dict()
        assert all(torch.equal(found[key], value) for key, value in expected.items())


@pytest.mark.slow
def test_a_fine_tune_of_micro_sam_is_read_as_it_was_exported_and_as_it_was_trained(
    mobile: Path, tmp_path: Path
) -> None:
    """``export_custom_sam_model`` of micro-sam, and the checkpoints of its trainer, which is torch-em's."""
    weights = torch.load(mobile, weights_only=True)
    exported = {"model_state": weights, "decoder_state": {"decoder.weight": torch.zeros(1)}}
    trained = {
        "iteration": 100,
        "best_metric": 0.5,
        "model_state": {f"sam.{key}": each for key, each in weights.items()},
        "optimizer_state": {"state": {0: {"exp_avg": torch.zeros(1)}}, "param_groups": []},
        "init": {"train_dataset": Dataset(mobile), "model": None},
        "decoder_state": {"decoder.weight": torch.zeros(1)},
    }
    expected = load(MOBILE, Half.DECODER, mobile).state_dict()
    for number, content in enumerate((exported, trained)):
        path = tmp_path / f"{number}.pt"
        torch.save(content, path)
        assert model_of(path) == "mobile_sam"
        found = load(MOBILE, Half.DECODER, path).state_dict()
        assert all(torch.equal(found[key], value) for key, value in expected.items())


def test_nothing_in_a_trainers_file_is_run(mobile: Path, tmp_path: Path) -> None:
    weights = torch.load(mobile, weights_only=True)
    path = tmp_path / "trained.pt"
    torch.save({"state_dict": weights, "callbacks": [Runs(str(tmp_path / "was run"), touch)]}, path)
    assert model_of(path) == "mobile_sam"
    assert not (tmp_path / "was run").exists()


def test_a_trainers_file_with_a_call_of_the_operating_system_is_refused(mobile: Path, tmp_path: Path) -> None:
    path = tmp_path / "trained.pt"
    torch.save({"state_dict": torch.load(mobile, weights_only=True), "a": Runs("echo", os.system)}, path)
    with pytest.raises(ModelError, match=r"a Python object, posix\.system"):
        model_of(path)


def test_a_checkpoint_of_tinysam_has_the_keys_of_mobile_sam(mobile: Path) -> None:
    tiny = ARCHITECTURES["tinysam"]
    check(tiny, mobile)
    for half in Half:
        assert load(tiny, half, mobile).state_dict().keys() == load(MOBILE, half, mobile).state_dict().keys()


def test_a_half_holds_no_weights_of_the_other(mobile: Path) -> None:
    encoder, decoder = (load(MOBILE, half, mobile) for half in Half)
    assert all(key.startswith("image_encoder.") for key in encoder.state_dict())
    assert not any(key.startswith("image_encoder.") for key in decoder.state_dict())


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


def test_a_damaged_checkpoint_is_named(mobile: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(mobile.read_bytes()[:100_000])
    safe = checkpoints.write("mobile_sam", tmp_path / "damaged.safetensors")
    safe.write_bytes(safe.read_bytes()[:100_000])
    for path in (damaged, safe, tmp_path / "missing.pt", tmp_path):
        with pytest.raises(ModelError, match=path.name):
            load(MOBILE, Half.DECODER, path)


def test_a_weight_of_another_shape_is_named(mobile: Path, tmp_path: Path) -> None:
    weights = torch.load(mobile, weights_only=True)
    weights["mask_decoder.iou_token.weight"] = torch.zeros(2, 256)
    safetensors.torch.save_file(weights, tmp_path / "odd.safetensors")
    with pytest.raises(ModelError, match=r"iou_token\.weight of 2x256 instead of 1x256"):
        load(MOBILE, Half.DECODER, tmp_path / "odd.safetensors")
