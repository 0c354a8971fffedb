from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from segmenters.architectures import SIDE, Architecture, Family
from segmenters.models import ARCHITECTURES
from segmenters.networks.sam2 import build, rename
from segmenters.networks.sam2_encoder import SIZES
from segmenters.runtimes.session import Half
from segmenters.sam.inputs import decoder_inputs
from testing.weights import pictures
from testing.weights.checkpoints import state_dict
from values.embedding import Embedding

pytestmark = pytest.mark.slow

MODEL = "sam2.1_hiera_tiny"
TINY = ARCHITECTURES[MODEL]
LARGE = 8.0  # features of an image reach 30

# Elements of the halves: the official modules of sam2 1.1.0 have as many under the same keys.
ELEMENTS = {"tiny": 27_244_064, "small": 34_341_920, "base_plus": 69_131_744, "large": 212_728_208}
DECODER = 4_065_072


@pytest.fixture(scope="module")
def official() -> Mapping[str, Tensor]:
    """The entries of a checkpoint."""
    return state_dict(MODEL)


def asked(name: str) -> dict[str, Tensor]:
    """The decoder's inputs for one of the prompts about the image "land"."""
    image = Embedding({}, MODEL, *pictures.SIZES["land"], SIDE, SIDE)
    inputs = decoder_inputs(pictures.prompts("land")[name], image, Family.SAM2)
    return {key: torch.from_numpy(array) for key, array in inputs.items()}


@pytest.fixture(scope="module")
def decoder(official: Mapping[str, Tensor]) -> nn.Module:
    module = build(TINY, Half.DECODER)
    module.load_state_dict(rename(official, Half.DECODER), strict=True)
    return module


@pytest.fixture(scope="module")
def features() -> dict[str, Tensor]:
    """As large as an image's are, but without an image: noise that changes every eight cells."""
    noise = torch.Generator().manual_seed(1)
    found = {}
    for name, (channels, height, width) in TINY.outputs.items():
        coarse = torch.randn(1, channels, height // 8, width // 8, generator=noise) * LARGE
        found[name] = functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return found


def exported(module: nn.Module, inputs: dict[str, Tensor], outputs: Sequence[str], path: Path) -> Path:
    free = {name: {1: "points"} for name in inputs if name.startswith("point_")}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the older exporter, which makes the faster graph, is deprecated
        torch.onnx.export(
            module,
            tuple(each.clone() for each in inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=free,
            opset_version=17,
            dynamo=False,
        )
    return path


def run(path: Path, inputs: Mapping[str, Tensor]) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return list(session.run(None, {name: each.numpy() for name, each in inputs.items()}))


def test_logits_are_not_clamped(decoder: nn.Module, features: dict[str, Tensor]) -> None:
    with torch.inference_mode():
        logits, _ = decoder(**features | asked("click"))
    assert logits.abs().max() > 32


def test_a_mask_that_is_not_given_is_not_read(decoder: nn.Module, features: dict[str, Tensor]) -> None:
    inputs = features | asked("click")
    with torch.inference_mode():
        plain, _ = decoder(**inputs)
        ignored, _ = decoder(**inputs | {"mask_input": torch.full((1, 1, 256, 256), torch.nan)})
    assert torch.equal(plain, ignored)


def test_onnx_runtime_decodes_any_number_of_points_as_torch_does(
    decoder: nn.Module, features: dict[str, Tensor], tmp_path: Path
) -> None:
    traced = features | asked("pair")
    path = exported(decoder, traced, ("low_res_masks", "iou_predictions"), tmp_path / "decoder.onnx")
    assert list(tmp_path.iterdir()) == [path]
    noise = torch.Generator().manual_seed(0)
    for count, given in ((1, 0.0), (2, 1.0), (6, 1.0)):
        inputs = features | {
            "point_coords": torch.rand(1, count, 2, generator=noise) * 1024,
            "point_labels": (torch.arange(count) % 5 - 1)[None].float(),
            "mask_input": torch.randn(1, 1, 256, 256, generator=noise) * 5,
            "has_mask_input": torch.tensor([given]),
        }
        with torch.inference_mode():
            expected = decoder(**inputs)
        for got, wanted in zip(run(path, inputs), expected, strict=True):
            np.testing.assert_allclose(got, wanted.numpy(), rtol=0, atol=2e-4)


def test_bfloat16_leaves_the_positions_of_points_exact(
    decoder: nn.Module, features: dict[str, Tensor]
) -> None:
    inputs = features | asked("box_clicks")
    seen: list[Tensor] = []
    hook = decoder.get_submodule("mask_decoder.transformer").register_forward_pre_hook(
        lambda _module, given: seen.append(given[0])
    )
    with torch.inference_mode():
        exact, _ = decoder(**inputs)
        with torch.autocast("cpu", torch.bfloat16):
            rounded, _ = decoder(**inputs)
    hook.remove()
    assert torch.equal(*seen)
    both, either = ((exact > 0) & (rounded > 0)).sum(), ((exact > 0) | (rounded > 0)).sum()
    assert both / either > 0.9


@pytest.mark.parametrize(
    "architecture", [each for each in ARCHITECTURES.values() if each.family is Family.SAM2]
)
def test_every_size_has_the_official_number_of_weights(architecture: Architecture) -> None:
    encoder, decoder = build(architecture, Half.ENCODER), build(architecture, Half.DECODER)
    size = architecture.name.rpartition("hiera_")[2]
    weights = {key: value for key, value in encoder.state_dict().items() if key != "positions"}
    channels = SIZES[size].channels
    in_parts = channels * (SIZES[size].background ** 2 + 8**2)  # what the positions are computed from
    assert sum(each.numel() for each in weights.values()) + in_parts == ELEMENTS[size]
    assert sum(each.numel() for each in decoder.state_dict().values()) == DECODER
    assert not encoder.training
    assert not decoder.training


def test_each_entry_goes_to_one_half_or_is_for_videos(official: Mapping[str, Tensor]) -> None:
    halves = [rename(official, half) for half in Half]
    kept = sum(each.numel() for half in halves for key, each in half.items() if key != "positions")
    # The positions of patches are computed from two entries.
    video = (
        "image_encoder.trunk.pos_embed",
        "memory_",
        "maskmem",
        "mask_downsample",
        "obj_ptr",
        "no_obj",
        "no_mem_pos",
    )
    dropped = sum(
        each.numel()
        for key, each in official.items()
        if key.startswith(video) or ".pred_obj_score_head." in key
    )
    assert kept + dropped == sum(each.numel() for each in official.values())


@pytest.mark.parametrize("half", list(Half))
def test_an_entry_of_neither_half_is_named_by_the_load(half: Half, official: Mapping[str, Tensor]) -> None:
    state = {**official, "surprise.weight": torch.zeros(1)}
    with pytest.raises(RuntimeError, match=r"surprise\.weight"):
        build(TINY, half).load_state_dict(rename(state, half), strict=True)


def test_a_kind_of_point_that_is_missing_is_named_by_the_load(official: Mapping[str, Tensor]) -> None:
    state = dict(official)
    del state["sam_prompt_encoder.point_embeddings.2.weight"]
    with pytest.raises(RuntimeError, match=r"point_embeddings\.2\.weight"):
        build(TINY, Half.DECODER).load_state_dict(rename(state, Half.DECODER), strict=True)
