"""EdgeTAM's halves: the folded trunk computes what the branches compute, and every entry has a place."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d

from segmenters.models import ARCHITECTURES
from segmenters.networks.checkpoint_file import recognise
from segmenters.networks.edgetam import build, folded, rename
from segmenters.networks.rep_vit import RepVit
from segmenters.runtimes.session import Half
from testing.weights.checkpoints import shapes, state_dict
from testing.weights.generated import tensor

EDGETAM = ARCHITECTURES["edgetam"]
MIXER = "trunk.stages.0.blocks.0.token_mixer."
CHANNELS = 48


def _branch(kernel: int, name: str) -> dict[str, Tensor]:
    entries = {"c.weight": (CHANNELS, 1, kernel, kernel), "bn.num_batches_tracked": ()}
    norm = dict.fromkeys(("bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"), (CHANNELS,))
    keys = {f"{MIXER}{name}.{key}": shape for key, shape in (entries | norm).items()}
    return {key: torch.from_numpy(tensor(key, shape)) for key, shape in keys.items()}


def _computed(state: Mapping[str, Tensor], name: str, x: Tensor, padding: int) -> Tensor:
    """A branch as it is trained: a convolution, then its batch normalisation."""
    weight = state[f"{MIXER}{name}.c.weight"]
    mean, variance, scale, shift = (
        state[f"{MIXER}{name}.bn.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
    )
    return batch_norm(conv2d(x, weight, padding=padding, groups=CHANNELS), mean, variance, scale, shift)


def test_three_branches_are_one_convolution() -> None:
    state = _branch(3, "conv") | _branch(1, "conv1")
    found = folded(state)
    assert sorted(found) == [f"{MIXER}bias", f"{MIXER}weight"]
    x = torch.randn(2, CHANNELS, 9, 7, generator=torch.Generator().manual_seed(0))
    expected = _computed(state, "conv", x, 1) + _computed(state, "conv1", x, 0) + x
    one = conv2d(x, found[f"{MIXER}weight"], found[f"{MIXER}bias"], padding=1, groups=CHANNELS)
    torch.testing.assert_close(one, expected, rtol=0, atol=1e-5)


def test_a_branch_that_is_missing_is_named_by_the_load() -> None:
    weights = state_dict("edgetam")
    del weights["image_encoder.trunk.body.stages_2.blocks.3.token_mixer.conv1.c.weight"]
    with pytest.raises(RuntimeError, match=r"trunk\.stages\.2\.blocks\.3\.token_mixer\.conv1\.bn\.weight"):
        build(EDGETAM, Half.ENCODER).load_state_dict(rename(weights, Half.ENCODER), assign=True)


@pytest.mark.parametrize("half", list(Half))
def test_the_checkpoint_fills_each_half(half: Half) -> None:
    video = {"spatial_perceiver.latents": torch.zeros(1), "memory_attention.norm.weight": torch.zeros(1)}
    module: nn.Module = build(EDGETAM, half)
    module.load_state_dict(rename(state_dict("edgetam") | video, half), strict=True, assign=True)


def test_an_entry_of_neither_half_is_named_by_the_load() -> None:
    state = state_dict("edgetam") | {"image_encoder.trunk.body.surprise.weight": torch.zeros(1)}
    with pytest.raises(RuntimeError, match=r"trunk\.surprise\.weight"):
        build(EDGETAM, Half.ENCODER).load_state_dict(rename(state, Half.ENCODER), assign=True)


def test_another_repvit_is_not_taken_for_this_one() -> None:
    key = "image_encoder.trunk.body.stem.conv1.c.weight"
    assert recognise(shapes("edgetam")) == "edgetam"
    assert recognise(shapes("edgetam") | {key: (32, 3, 3, 3)}) is None


def test_stages_halve_the_map_and_widen_it() -> None:
    with torch.inference_mode():
        found = RepVit().eval()(torch.zeros(1, 3, 64, 64))
    assert [tuple(each.shape[1:]) for each in found] == [(48, 16, 16), (96, 8, 8), (192, 4, 4), (384, 2, 2)]
