"""The entries that are derived, against those of the official networks."""

from __future__ import annotations

import pytest

from segmenters.architectures import Architecture, Family
from segmenters.models import ARCHITECTURES
from testing.weights import checkpoints
from tests.oracles import official

NOT_PACKAGED = (Family.MOBILE_SAM, Family.TINYSAM)
OFFICIAL = [each for each in ARCHITECTURES.values() if each.family not in NOT_PACKAGED]


@pytest.mark.parametrize("architecture", OFFICIAL, ids=lambda each: each.name)
def test_every_checkpoint_has_the_official_keys_and_shapes(architecture: Architecture) -> None:
    assert checkpoints.shapes(architecture.name) == official.shapes(architecture)
