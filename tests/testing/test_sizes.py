"""The entries that are derived, against those of the official networks."""

from __future__ import annotations

import pytest

from segmenters.architectures import Architecture, Family
from segmenters.models import ARCHITECTURES
from testing.weights import checkpoints
from tests.oracles import official

NOT_PACKAGED = (Family.MOBILE_SAM, Family.TINYSAM)
OF_IMAGES = ("image_encoder.", "sam_", "no_mem_embed")
"""How the keys begin of what EdgeTAM needs for an image. Its parts for a video are in no package."""

OFFICIAL = [each for each in ARCHITECTURES.values() if each.family not in NOT_PACKAGED]


@pytest.mark.parametrize("architecture", OFFICIAL, ids=lambda each: each.name)
def test_every_checkpoint_has_the_official_keys_and_shapes(architecture: Architecture) -> None:
    expected = official.shapes(architecture)
    if architecture.family is Family.EDGETAM:
        expected = {key: shape for key, shape in expected.items() if key.startswith(OF_IMAGES)}
    assert checkpoints.shapes(architecture.name) == expected
