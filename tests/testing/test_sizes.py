"""The entries that are derived, against those of the official networks."""

from __future__ import annotations

import pytest

from segmenters.architectures import Architecture, Family
from segmenters.models import ARCHITECTURES
from testing.weights import checkpoints
from tests.oracles import official

OFFICIAL = [each for each in ARCHITECTURES.values() if each.family is not Family.MOBILE_SAM]


@pytest.mark.parametrize("architecture", OFFICIAL, ids=lambda each: each.name)
def test_every_checkpoint_has_the_official_keys_and_shapes(architecture: Architecture) -> None:
    assert checkpoints.shapes(architecture.name) == official.shapes(architecture)
