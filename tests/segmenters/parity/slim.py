"""A small SAM: the publisher's classes and ours with few blocks and channels, in seconds, not minutes."""

from __future__ import annotations

import functools

import pytest
from segment_anything import sam_model_registry
from segment_anything.build_sam import _build_sam

from segmenters.architectures import Architecture, Family
from segmenters.networks import sam

SLIM = Architecture("sam_slim", Family.SAM, 6.1)

_SIZE = sam.Size(channels=96, blocks=4, heads=3, everywhere=(1, 3))


def make_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both sides build it by its name, as if it were one of the published sizes."""
    official = functools.partial(_build_sam, _SIZE.channels, _SIZE.blocks, _SIZE.heads, _SIZE.everywhere)
    monkeypatch.setitem(sam_model_registry, "slim", official)
    monkeypatch.setitem(sam.SIZES, SLIM.name, _SIZE)
