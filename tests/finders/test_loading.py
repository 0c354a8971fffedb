from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from finders.catalogue import FINDERS
from finders.loading import load_image_half, load_text_half
from finders.networks import ImageNetwork, TextNetwork, of_the_image, of_the_text
from segmenters.runtimes.torch_runtime import TorchDevice
from testing.weights import owlv2
from tests.finders.samples import picture
from values.errors import DeviceFailed, ModelError

SMALL = owlv2.architecture()


def test_each_half_has_its_own_weights_and_no_others() -> None:
    weights = owlv2.state_dict()
    image, text = of_the_image(weights), of_the_text(weights)
    assert not set(image) & set(text)
    left = len(weights) - len(image) - len(text)
    assert left == 2  # of the similarity of whole images


@pytest.mark.parametrize(("name", "millions"), [("owlv2_base", 155.0), ("owlv2_large", 437.6)])
def test_the_published_sizes_have_their_parameters(name: str, millions: float) -> None:
    model = FINDERS[name]
    with torch.device("meta"):
        halves = [ImageNetwork(model.architecture), TextNetwork(model.architecture)]
    count = sum(value.numel() for half in halves for value in half.parameters())
    # And the projection of whole images and its scale, which no half has.
    count += model.architecture.image.width * model.architecture.text.width + 1
    assert model.parameters == round(count / 1e6, 1) == millions
    if model.weights.size is not None:
        header = model.weights.size - 4 * count
        assert 8 < header < 200_000


def test_positions_that_older_files_hold_do_not_matter(
    tmp_path: Path, files: tuple[Path, Path], device: TorchDevice
) -> None:
    weights = owlv2.state_dict()
    weights["owlv2.vision_model.embeddings.position_ids"] = torch.arange(577)[None]
    weights["owlv2.text_model.embeddings.position_ids"] = torch.arange(16)[None]
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(weights, path)
    load_image_half(SMALL, path, "x", device)
    load_text_half(SMALL, path, files[1], device)


def test_a_file_of_another_model_is_refused(tmp_path: Path, device: TorchDevice) -> None:
    weights = owlv2.state_dict()
    del weights["box_head.dense0.weight"]
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(weights, path)
    with pytest.raises(ModelError, match=r"1 entry \(box_head.dense0.weight\) missing; put the publisher's"):
        load_image_half(SMALL, path, "x", device)
    with pytest.raises(ModelError, match="cannot read the checkpoint"):
        load_image_half(SMALL, tmp_path / "none", "x", device)


def test_weights_of_another_size_are_refused(files: tuple[Path, Path], device: TorchDevice) -> None:
    with pytest.raises(ModelError, match="of another shape"):
        load_image_half(replace(SMALL, side=100), files[0], "x", device)


def test_merges_of_another_model_are_refused(
    tmp_path: Path, files: tuple[Path, Path], device: TorchDevice
) -> None:
    path = tmp_path / "merges.txt"
    path.write_text("c a\n")
    with pytest.raises(ModelError, match=r"make 515 tokens, and the weights .* know \d+; put the merges.txt"):
        load_text_half(SMALL, files[0], path, device)


def test_a_device_that_gives_no_numbers_has_failed(device: TorchDevice, files: tuple[Path, Path]) -> None:
    half = load_image_half(SMALL, files[0], "owlv2_small", device)
    for weights in half._network.parameters():
        weights.data.fill_(float("nan"))
    with pytest.raises(DeviceFailed, match="cpu gave no numbers for an image; check the GPU, or the weights"):
        half.find([picture(96, 96)])


def test_fractions_of_levels_are_pictures_too(files: tuple[Path, Path], device: TorchDevice) -> None:
    half = load_image_half(SMALL, files[0], "owlv2_small", device)
    whole = picture(96, 96)
    [found] = half.find([replace(whole, rgb=whole.rgb.astype(np.float32))])
    [expected] = half.find([whole])
    np.testing.assert_array_equal(found.boxes, expected.boxes)
