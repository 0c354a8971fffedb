from __future__ import annotations

import re
from pathlib import Path

import pytest

from segmenters.architectures import ARCHITECTURES, Family
from segmenters.checkpoints.catalogue import LICENCES, PUBLISHED, Published, size_of

every = pytest.mark.parametrize("published", PUBLISHED.values(), ids=lambda each: each.model)


def test_every_architecture_has_a_checkpoint_of_its_own() -> None:
    assert list(PUBLISHED) == list(ARCHITECTURES)
    assert {name: each.model for name, each in PUBLISHED.items()} == {name: name for name in PUBLISHED}
    for field in ("url", "sha256", "size", "filename"):
        assert len({getattr(each, field) for each in PUBLISHED.values()}) == len(PUBLISHED), field


@every
def test_an_entry_can_be_checked(published: Published) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", published.sha256)
    assert published.url.startswith("https://")
    assert "?" not in published.url
    assert Path(published.filename).suffix in (".pt", ".pth")
    assert published.model in published.filename.replace(".pth", "").replace(".pt", "")
    assert published.source


@every
def test_the_size_is_that_of_float32_weights(published: Published) -> None:
    weights = ARCHITECTURES[published.model].parameters * 1e6
    # SAM 2 keeps what a video needs besides, all others keys and padding.
    assert published.size == pytest.approx(4 * weights, rel=0.02)


def test_every_family_has_a_licence() -> None:
    assert set(LICENCES) == set(Family)


def test_the_size_belongs_to_the_hash() -> None:
    large = PUBLISHED["sam2.1_hiera_large"]
    assert size_of(large.sha256) == large.size
    assert size_of("0" * 64) is None
    assert size_of(None) is None
