"""The decoder for many prompts against that for one, which is compared with the publishers' elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from segmenters.architectures import FINER, HQ, LOW_RES, SHARED, SIDE
from segmenters.networks.hq_sam_decoder import HqDecoder
from segmenters.networks.prompt_batch import ImagePart, PromptsPart
from segmenters.networks.sam2 import Sam2Decoder
from segmenters.networks.sam_decoder import SamDecoder
from testing.weights.generated import tensor
from tests.segmenters.parity.seed import SEED

pytestmark = pytest.mark.slow

MAPS = {"image_embeddings": (1, 256, 64, 64)}
HQ_MAPS = {"hq_features": (1, 32, 256, 256)}
FINER_MAPS = {"high_res_0": (1, 32, 256, 256), "high_res_1": (1, 64, 128, 128)}
ALONE = {"mask_input": torch.zeros(1, 1, LOW_RES, LOW_RES), "has_mask_input": torch.zeros(1)}


def weighted(decoder: nn.Module) -> nn.Module:
    """With weights of this run."""
    state = {key: tensor(key, tuple(value.shape), f"{SEED} ") for key, value in decoder.state_dict().items()}
    decoder.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    return decoder.eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("decoder", "maps"),
    [(SamDecoder(), MAPS), (Sam2Decoder(), MAPS | FINER_MAPS), (HqDecoder(), MAPS | HQ_MAPS)],
)
def test_prompts_together_are_answered_as_each_alone(
    decoder: nn.Module, maps: dict[str, tuple[int, ...]]
) -> None:
    weighted(decoder)
    random = torch.Generator().manual_seed(SEED)
    image = {name: torch.randn(shape, generator=random) for name, shape in maps.items()}
    names = SHARED + (FINER if "high_res_0" in maps else HQ if "hq_features" in maps else ())
    with torch.inference_mode():
        shared = dict(zip(names, ImagePart(decoder)(**image), strict=True))
        for labels in ((2, 3), (1, -1), (2, 3, 1, 0, -1)):
            points = torch.rand(2, len(labels), 2, generator=random) * SIDE
            asked = {"point_coords": points, "point_labels": torch.tensor([labels] * 2).float()}
            logits, scores = PromptsPart(decoder)(**shared, **asked)
            for number in range(2):
                own = {name: value[number : number + 1] for name, value in asked.items()}
                expected = decoder(**image, **own, **ALONE)
                np.testing.assert_allclose(logits[number : number + 1], expected[0], rtol=0, atol=1e-4)
                np.testing.assert_allclose(scores[number : number + 1], expected[1], rtol=0, atol=1e-4)
