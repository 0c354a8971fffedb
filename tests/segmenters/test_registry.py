from __future__ import annotations

import pickle

import pytest

from segmenters.options import ModelOptions
from segmenters.registry import NAMES, choose, describe
from segmenters.segmenter import Segmenter
from values.errors import ModelError


def test_every_name_is_described_and_chosen() -> None:
    assert tuple(describe()) == NAMES
    for name in NAMES:
        choice = choose(ModelOptions(model=name))
        assert choice.segmenter.name in NAMES
        assert choice.reason


def test_auto_falls_back_and_says_so() -> None:
    choice = choose(ModelOptions(model="auto"))
    assert choice.segmenter.name == "classical"
    assert choice.fallback
    assert "weights" in choice.reason


def test_a_named_model_is_no_fallback() -> None:
    assert not choose(ModelOptions(model=" Classical ")).fallback


def test_an_unknown_name_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"'clasical'.*did you mean classical\?.*auto, classical"):
        choose(ModelOptions(model="clasical"))
    with pytest.raises(ModelError, match="one of: auto") as error:
        choose(ModelOptions(model="zzz" * 1000))
    assert "did you mean" not in error.value.detail
    assert len(error.value.detail) < 300


@pytest.mark.parametrize("name", NAMES)
def test_a_description_is_small_and_travels(name: str) -> None:
    segmenter: Segmenter = choose(ModelOptions(model=name)).segmenter
    shipped = pickle.dumps(segmenter)
    assert len(shipped) < 1000
    assert pickle.loads(shipped) == segmenter
