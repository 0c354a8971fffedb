"""Every model's checkpoint fills our halves: the official keys and shapes, without the weights."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from segmenters.architectures import Architecture, Family
from segmenters.models import ARCHITECTURES
from segmenters.networks import edgetam, hq_sam, mobile_sam, sam, sam2
from segmenters.networks.checkpoint_file import recognise
from segmenters.networks.sam2_encoder import SIZES, Sam2Encoder
from segmenters.runtimes.session import Half
from testing.weights import checkpoints
from tests.oracles import official

pytestmark = pytest.mark.slow

_NETWORKS: dict[Family, ModuleType] = {
    Family.SAM: sam,
    Family.MOBILE_SAM: mobile_sam,
    Family.TINYSAM: mobile_sam,
    Family.SAM2: sam2,
    Family.EDGETAM: edgetam,
    Family.HQ_SAM: hq_sam,
}


@cache
def _official(name: str) -> dict[str, tuple[int, ...]]:
    """MobileSAM's and TinySAM's packages cannot be had, so their keys are a table."""
    if ARCHITECTURES[name].like == "mobile_sam":
        return checkpoints.shapes(name)
    return {key: tuple(value.shape) for key, value in _described(name).state_dict().items()}


@cache
def _described(name: str) -> Any:
    return official.described(ARCHITECTURES[name])


@pytest.mark.parametrize("half", list(Half))
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_official_checkpoint_fills_the_half_and_no_more(name: str, half: Half) -> None:
    networks = _NETWORKS[ARCHITECTURES[name].family]
    with torch.device("meta"):
        given: dict[str, Tensor] = networks.rename(
            {key: torch.zeros(shape) for key, shape in _official(name).items()}, half
        )
    built: nn.Module = networks.build(ARCHITECTURES[name], half)
    expected = {key: value.shape for key, value in built.state_dict().items()}
    assert {key: value.shape for key, value in given.items()} == expected


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_model_is_recognised_by_its_keys(name: str) -> None:
    assert recognise(_official(name)) == ARCHITECTURES[name].like


@pytest.mark.parametrize("architecture", list(ARCHITECTURES.values()), ids=lambda each: each.name)
def test_the_checkpoint_has_as_many_weights_as_the_table_says(architecture: Architecture) -> None:
    if architecture.family is Family.EDGETAM:
        pytest.skip("what only a video needs of it is in no package; test_models.py has the file's size")
    elements = sum(torch.Size(shape).numel() for shape in _official(architecture.name).values())
    assert elements / 1e6 == pytest.approx(architecture.parameters, abs=0.06)


@pytest.mark.parametrize("name", [each for each in ARCHITECTURES if each.startswith("sam2")])
def test_each_block_of_sam2_attends_to_the_official_window_with_as_many_heads(name: str) -> None:
    """No shape of a weight depends on either."""
    with torch.device("meta"):
        ours: Any = Sam2Encoder(SIZES[name.rpartition("hiera_")[2]]).trunk
    theirs = _described(name).image_encoder.trunk
    mine = [
        (each.window_size, each.attn.num_attention_heads, tuple(each.query_stride or ()))
        for each in ours.blocks
    ]
    published = [
        (each.window_size, each.attn.num_heads, tuple(each.q_stride or ())) for each in theirs.blocks
    ]
    assert mine == published
    assert ours.stage_ends == theirs.stage_ends
