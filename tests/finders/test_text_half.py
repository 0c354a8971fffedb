from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from finders.loading import load_text_half
from finders.text_half import TextHalf
from segmenters.runtimes.torch_runtime import TorchDevice
from testing.weights import owlv2
from values.errors import BadPrompt


@pytest.fixture
def half(files: tuple[Path, Path], device: TorchDevice) -> TextHalf:
    return load_text_half(owlv2.architecture(), *files, device)


def test_a_phrase_is_computed_once(half: TextHalf) -> None:
    first = half.vectors(["cat", "dog"])
    again = half.vectors(["dog", "Cat", "cat", " cat "])
    assert half.computed == 2
    np.testing.assert_array_equal(again, first[[1, 0, 0, 0]])


def test_a_vector_does_not_depend_on_what_is_asked_beside_it(half: TextHalf) -> None:
    alone = half.vectors(["cat"])[0]
    other = TextHalf(half._tokenizer, half._network, half._device)
    beside = other.vectors(["a photo of the traffic lights", "cat"])[1]
    np.testing.assert_allclose(alone, beside, atol=1e-6)
    assert np.linalg.norm(alone) == pytest.approx(1, abs=1e-5)


def test_what_was_asked_longest_ago_is_forgotten(half: TextHalf) -> None:
    small = TextHalf(half._tokenizer, half._network, half._device, remembered=2)
    for phrase in ("cat", "dog", "cat", "car", "cat"):
        small.vectors([phrase])
    assert small.computed == 3
    small.vectors(["dog"])
    assert small.computed == 4


def test_more_than_is_remembered_may_be_asked_at_once(half: TextHalf) -> None:
    small = TextHalf(half._tokenizer, half._network, half._device, remembered=1)
    assert small.vectors(["cat", "dog", "car"]).shape == (3, owlv2.architecture().text.width)


def test_no_phrases_are_no_vectors(half: TextHalf) -> None:
    assert len(half.vectors([])) == 0


def test_a_phrase_that_is_refused_leaves_the_others_alone(half: TextHalf) -> None:
    with pytest.raises(BadPrompt, match="tokens"):
        half.vectors(["cat", "dog " * 40])
    assert half.vectors(["cat"]).shape[0] == 1


def test_threads_may_share_it(half: TextHalf) -> None:
    phrases = [[word, other] for word in owlv2.WORDS for other in ("cat", "dog")]
    expected = half.vectors([word for word, _ in phrases])
    other = TextHalf(half._tokenizer, half._network, half._device, remembered=5)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(other.vectors, phrases))
    np.testing.assert_allclose([vectors[0] for vectors in found], expected, atol=1e-6)
