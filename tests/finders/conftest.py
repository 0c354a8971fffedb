"""The detector of stand-in weights: our halves, and transformers' own classes with the same weights.

What takes seconds to import is imported by the tests that need it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from finders.image_half import ImageHalf
    from finders.text_half import TextHalf
    from segmenters.runtimes.torch_runtime import TorchDevice
    from tests.finders.theirs import Theirs


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from testing.weights import owlv2

    return owlv2.write(tmp_path_factory.mktemp("owlv2"))


@pytest.fixture(scope="session")
def device() -> TorchDevice:
    from segmenters.runtimes.torch_runtime import TorchDevice

    return TorchDevice("cpu", 1, bfloat16=False)


@pytest.fixture(scope="session")
def image_half(files: tuple[Path, Path], device: TorchDevice) -> ImageHalf:
    from finders.loading import load_image_half
    from testing.weights import owlv2

    return load_image_half(owlv2.architecture(), files[0], "owlv2_small-1", device)


@pytest.fixture(scope="session")
def text_half(files: tuple[Path, Path], device: TorchDevice) -> TextHalf:
    from finders.loading import load_text_half
    from testing.weights import owlv2

    return load_text_half(owlv2.architecture(), *files, device)


@pytest.fixture(scope="session")
def theirs(files: tuple[Path, Path]) -> Theirs:
    from tests.finders.theirs import with_weights

    return with_weights(files[0])
