from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from segmenters.architectures import ARCHITECTURES, MEAN, STD, Architecture, Family
from segmenters.networks.sam2 import build, rename
from segmenters.networks.sam2_encoder import SIZES
from segmenters.runtimes.session import Half
from tests.weights import pictures
from tests.weights.checkpoints import state_dict
from values.prompt import Prompt

MODEL = "sam2.1_hiera_tiny"
TINY = ARCHITECTURES[MODEL]
NAMES = ("land", "big")  # smaller and larger than the canvas
FEATURES = ("image_embeddings", "high_res_0", "high_res_1")
PROMPT = ("point_coords", "point_labels", "mask_input", "has_mask_input")
ASKED = [(name, asked) for name in NAMES for asked in pictures.prompts(name)]

# Elements of the halves: the official modules of sam2 1.1.0 have as many under the same keys.
ELEMENTS = {"tiny": 27_244_064, "small": 34_341_920, "base_plus": 69_131_744, "large": 212_728_208}
DECODER = 4_065_072

Arrays = dict[str, NDArray[np.float32]]
Golden = Mapping[str, NDArray[Any]]


def loaded(half: Half) -> nn.Module:
    module = build(TINY, half)
    module.load_state_dict(rename(state_dict(MODEL), half), strict=True)
    return module


def canvas(rgb: NDArray[np.uint8]) -> Tensor:
    """(1, 3, 1024, 1024), as the official predictor makes it: resized as float, then normalised."""
    planes = torch.from_numpy(rgb).permute(2, 0, 1)[None].float()
    square = functional.interpolate(planes, (1024, 1024), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(of).reshape(1, 3, 1, 1) for of in (MEAN, STD))
    return (square - mean) / std


def asked_of(prompt: Prompt, name: str, mask: Tensor | None = None) -> dict[str, Tensor]:
    """The decoder's inputs, as the official predictor orders them: corners, clicks, padding."""
    corners = np.zeros((0, 2)) if prompt.box is None else prompt.box.reshape(2, 2)
    scale = np.array([1024 / side for side in pictures.SIZES[name]])
    coords = np.concatenate([corners, prompt.points, np.zeros((1, 2))]) * scale
    labels = [*(2, 3)[: len(corners)], *prompt.labels, -1]
    return {
        "point_coords": torch.tensor(coords[None], dtype=torch.float32),
        "point_labels": torch.tensor([labels], dtype=torch.float32),
        "mask_input": torch.zeros(1, 1, 256, 256) if mask is None else mask,
        "has_mask_input": torch.tensor([mask is not None], dtype=torch.float32),
    }


def single(logits: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """The official single answer: the first mask where it is stable, else the best of the three."""
    inner, outer = (int((logits[0, 0] > edge).sum()) for edge in (0.05, -0.05))
    index = 0 if outer == 0 or inner / outer >= 0.98 else 1 + int(scores[0, 1:].argmax())
    return logits[:, index : index + 1], scores[:, index : index + 1]


def check_answer(golden: Golden, key: str, logits: Tensor, scores: Tensor, size: tuple[int, int]) -> None:
    low = logits[0].clamp(-32, 32).numpy()[:, 3::8, 3::8]
    np.testing.assert_allclose(low, golden[f"{key}/low"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(scores[0].numpy(), golden[f"{key}/iou"], rtol=0, atol=1e-4)
    if f"{key}/area" not in golden:  # given for the first answers only
        return
    width, height = size
    full = functional.interpolate(logits, (height, width), mode="bilinear", align_corners=False)[0] > 0
    areas = full.sum((1, 2)).numpy()
    assert np.abs(areas - golden[f"{key}/area"]).max() <= 4
    if f"{key}/mask" in golden:
        bits = np.unpackbits(golden[f"{key}/mask"], axis=1)[:, : width * height].astype(bool)
        assert (bits != full.flatten(1).numpy()).sum(1).max() <= 4


def check_features(golden: Golden, name: str, features: Sequence[NDArray[np.float32]]) -> None:
    embed, fine, middle = features
    np.testing.assert_allclose(embed[0, ::16, 3::8, 3::8], golden[f"{name}/embed"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(fine[0, ::8, 5::32, 5::32], golden[f"{name}/hires0"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(middle[0, ::8, 5::16, 5::16], golden[f"{name}/hires1"], rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def golden() -> Golden:
    with np.load(Path(__file__).parents[2] / "golden" / f"{MODEL}.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def encoder() -> nn.Module:
    return loaded(Half.ENCODER)


@pytest.fixture(scope="module")
def decoder() -> nn.Module:
    return loaded(Half.DECODER)


@pytest.fixture(scope="module")
def features(encoder: nn.Module) -> dict[str, dict[str, Tensor]]:
    """Of every image, encoded in one batch."""
    with torch.inference_mode():
        found = encoder(torch.cat([canvas(pictures.image(name)) for name in NAMES]))
    return {
        name: {key: each[i : i + 1].clone() for key, each in zip(FEATURES, found, strict=True)}
        for i, name in enumerate(NAMES)
    }


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


@pytest.mark.parametrize("name", NAMES)
def test_the_features_of_each_image_of_a_batch_are_the_official_ones(
    name: str, features: dict[str, dict[str, Tensor]], golden: Golden
) -> None:
    check_features(golden, name, [each.numpy() for each in features[name].values()])


@pytest.mark.parametrize(("name", "asked"), ASKED)
def test_masks_and_scores_are_the_official_ones(
    name: str, asked: str, decoder: nn.Module, features: dict[str, dict[str, Tensor]], golden: Golden
) -> None:
    inputs = features[name] | asked_of(pictures.prompts(name)[asked], name)
    with torch.inference_mode():
        logits, scores = decoder(**inputs)
    assert logits.shape == (1, 4, 256, 256)
    assert scores.shape == (1, 4)
    size = pictures.SIZES[name]
    check_answer(golden, f"{name}/{asked}/multi", logits[:, 1:], scores[:, 1:], size)
    check_answer(golden, f"{name}/{asked}/single", *single(logits, scores), size)


def test_an_earlier_answer_is_refined_as_officially(
    decoder: nn.Module, features: dict[str, dict[str, Tensor]], golden: Golden
) -> None:
    prompts = pictures.prompts("land")
    with torch.inference_mode():
        click, _ = single(*decoder(**features["land"] | asked_of(prompts["click"], "land")))
        earlier = click.clamp(-32, 32)
        logits, scores = decoder(**features["land"] | asked_of(prompts["pair"], "land", earlier))
    key, size = "land/pair_after_click/single", pictures.SIZES["land"]
    check_answer(golden, key, *single(logits, scores), size)


def test_logits_are_not_clamped(decoder: nn.Module, features: dict[str, dict[str, Tensor]]) -> None:
    with torch.inference_mode():
        logits, _ = decoder(**features["land"] | asked_of(pictures.prompts("land")["click"], "land"))
    assert logits.abs().max() > 32


def test_a_mask_that_is_not_given_is_not_read(
    decoder: nn.Module, features: dict[str, dict[str, Tensor]]
) -> None:
    inputs = features["land"] | asked_of(pictures.prompts("land")["click"], "land")
    with torch.inference_mode():
        plain, _ = decoder(**inputs)
        ignored, _ = decoder(**inputs | {"mask_input": torch.full((1, 1, 256, 256), torch.nan)})
    assert torch.equal(plain, ignored)


def test_onnx_runtime_encodes_as_officially(encoder: nn.Module, golden: Golden, tmp_path: Path) -> None:
    inputs = {"image": canvas(pictures.image("land"))}
    path = exported(encoder, inputs, FEATURES, tmp_path / "encoder.onnx")
    assert list(tmp_path.iterdir()) == [path]
    check_features(golden, "land", run(path, inputs))


def test_onnx_runtime_decodes_any_number_of_points_as_torch_does(
    decoder: nn.Module, features: dict[str, dict[str, Tensor]], tmp_path: Path
) -> None:
    traced = features["land"] | asked_of(pictures.prompts("land")["pair"], "land")
    path = exported(decoder, traced, ("low_res_masks", "iou_predictions"), tmp_path / "decoder.onnx")
    assert list(tmp_path.iterdir()) == [path]
    noise = torch.Generator().manual_seed(0)
    for count, given in ((1, 0.0), (2, 1.0), (6, 1.0)):
        inputs = features["land"] | {
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
    decoder: nn.Module, features: dict[str, dict[str, Tensor]]
) -> None:
    inputs = features["land"] | asked_of(pictures.prompts("land")["box_clicks"], "land")
    seen: list[Tensor] = []
    hook = decoder.get_submodule("masks.transformer").register_forward_pre_hook(
        lambda _module, _args, given: seen.append(given["point_embeddings"]), with_kwargs=True
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


def test_each_entry_goes_to_one_half_or_is_for_videos() -> None:
    official = state_dict(MODEL)
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
def test_an_entry_of_neither_half_is_named_by_the_load(half: Half) -> None:
    state = state_dict(MODEL) | {"surprise.weight": torch.zeros(1)}
    with pytest.raises(RuntimeError, match=r"surprise\.weight"):
        build(TINY, half).load_state_dict(rename(state, half), strict=True)


def test_a_kind_of_point_that_is_missing_is_named_by_the_load() -> None:
    state = state_dict(MODEL)
    del state["sam_prompt_encoder.point_embeddings.2.weight"]
    with pytest.raises(RuntimeError, match=r"point_embed\.weight"):
        build(TINY, Half.DECODER).load_state_dict(rename(state, Half.DECODER), strict=True)
