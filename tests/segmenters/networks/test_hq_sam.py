"""HQ-SAM's halves: every entry has a place, and the folded convolution gives what the official order gives.

parity/test_networks.py compares whole halves with the official package.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from segmenters.architectures import LOW_RES, Architecture, Family
from segmenters.models import ARCHITECTURES
from segmenters.networks.checkpoint_file import recognise
from segmenters.networks.hq_sam import build, rename
from segmenters.networks.hq_sam_decoder import FEATURES, HqMaskDecoder
from segmenters.networks.sam_decoder import in_quarters
from segmenters.runtimes.session import Half
from testing.weights import sizes
from testing.weights.checkpoints import shapes
from testing.weights.generated import tensor

MODELS = [each for each in ARCHITECTURES.values() if each.family is Family.HQ_SAM]


def _described(name: str) -> dict[str, Tensor]:
    with torch.device("meta"):
        return {key: torch.zeros(shape) for key, shape in shapes(name).items()}


@pytest.mark.parametrize("half", list(Half))
@pytest.mark.parametrize("model", MODELS, ids=lambda each: each.name)
def test_the_checkpoint_fills_each_half(model: Architecture, half: Half) -> None:
    build(model, half).load_state_dict(rename(_described(model.name), half), strict=True, assign=True)


@pytest.mark.parametrize("half", list(Half))
def test_an_entry_that_nothing_takes_is_named_by_the_load(half: Half) -> None:
    surprise = {Half.ENCODER: "image_encoder.surprise.weight", Half.DECODER: "mask_decoder.surprise.weight"}
    state = _described("sam_hq_vit_tiny") | {surprise[half]: torch.zeros(1)}
    with pytest.raises(RuntimeError, match=surprise[half]):
        build(ARCHITECTURES["sam_hq_vit_tiny"], half).load_state_dict(rename(state, half), assign=True)


def test_what_needs_no_prompt_is_in_the_encoder() -> None:
    decoder = rename(_described("sam_hq_vit_tiny"), Half.DECODER)
    encoder = rename(_described("sam_hq_vit_tiny"), Half.ENCODER)
    for part in ("compress_vit_feat.", "embedding_encoder."):
        assert any(key.startswith(part) for key in encoder)
        assert not any(part in key for key in decoder)


@pytest.mark.parametrize("model", MODELS, ids=lambda each: each.name)
def test_it_is_not_taken_for_the_model_that_it_adds_to(model: Architecture) -> None:
    own = shapes(model.name)
    assert recognise(own) == model.name
    without = {key: shape for key, shape in own.items() if ".hf_" not in key}
    assert recognise(without) == {"sam_hq_vit_tiny": "mobile_sam", "sam_hq_vit_h": "sam_vit_h"}[model.name]


def test_a_size_that_is_not_offered_is_no_other_model() -> None:
    assert recognise(sizes.hq_sam(shapes("sam_vit_l"), early=1024)) is None


def test_the_early_map_is_that_of_the_first_block_that_looks_at_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from segmenters.networks import sam

    vit = sam.Vit(sam.Size(channels=16, blocks=3, heads=1, everywhere=(1, 2))).eval()
    seen: list[Tensor] = []
    for block in vit.blocks:
        block.register_forward_hook(lambda _, __, found: seen.append(found))
        monkeypatch.setattr(block.attn, "forward", torch.sin)  # else it takes seconds
    with torch.inference_mode():
        early, _ = vit.early_and_embedding(torch.rand(1, 3, 1024, 1024))
    assert torch.equal(early, seen[1].permute(0, 3, 1, 2))
    assert not torch.equal(seen[1], seen[2])


@pytest.mark.slow
def test_kernels_made_for_a_prompt_give_what_two_convolutions_and_a_product_give() -> None:
    decoder = HqMaskDecoder().eval()
    state = {key: tensor(key, tuple(value.shape)) for key, value in decoder.state_dict().items()}
    decoder.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    random = torch.Generator().manual_seed(0)
    upscaled = torch.randn(2, FEATURES, LOW_RES, LOW_RES, generator=random)
    features = torch.randn(1, FEATURES, LOW_RES, LOW_RES, generator=random)
    tokens = torch.randn(2, 256, generator=random)
    with torch.inference_mode():
        finer = decoder.embedding_maskfeature(upscaled) + features
        expected = torch.einsum("bc,bchw->bhw", decoder.hf_mlp(tokens), finer)[:, None]
        in_order = torch.stack([in_quarters(each[None]) for each in upscaled])
        [hq] = decoder.of_image({"hq_features": features})
        found = decoder.hq_mask(tokens, in_order, hq)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
