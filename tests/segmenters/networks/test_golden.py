"""SAM and MobileSAM against what the official code makes of the same weights, images and prompts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from segmenters.architectures import ARCHITECTURES, SIDE
from segmenters.networks.loading import load
from segmenters.resample import to_mask
from segmenters.runtimes.session import Half
from segmenters.sam.preparing import canvas
from segmenters.sam.prompting import decoder_inputs
from tests.weights import checkpoints, pictures
from values.embedding import Embedding
from values.errors import ModelError
from values.masks import Frame

GOLDEN = Path(__file__).parents[2] / "golden"
# An encoder of ViT-B takes ten seconds an image, so it sees one.
CASES = [("mobile_sam", "land"), ("mobile_sam", "port"), ("sam_vit_b", "land")]
TOLERANCE = 1e-4

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint file of each model."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return {name: checkpoints.write(name, folder / f"{name}.pt") for name in ("mobile_sam", "sam_vit_b")}


@cache
def _golden(model: str) -> dict[str, Floats]:
    with np.load(GOLDEN / f"{model}.npz") as arrays:
        return {name: np.asarray(array) for name, array in arrays.items()}


def _envelope(image: str, size: tuple[int, int]) -> Embedding:
    return Embedding({}, "test", *pictures.SIZES[image], *size)


@pytest.mark.parametrize(("model", "image"), CASES)
def test_the_network_is_the_official_one(written: dict[str, Path], model: str, image: str) -> None:
    architecture = ARCHITECTURES[model]
    golden = _golden(model)
    width, height = pictures.SIZES[image]
    size = architecture.input.scaled(width, height)
    scaled = Image.fromarray(pictures.image(image)).resize(size, Image.Resampling.BILINEAR)
    encoder, decoder = (load(architecture, half, written[model]) for half in (Half.ENCODER, Half.DECODER))
    with torch.inference_mode():
        [features] = encoder(torch.from_numpy(canvas(np.asarray(scaled))))
    np.testing.assert_allclose(features[0, ::16, 3::8, 3::8], golden[f"{image}/embed"], atol=TOLERANCE)
    for name, prompt in pictures.prompts(image).items():
        inputs = decoder_inputs(prompt, _envelope(image, size), architecture.family)
        with torch.inference_mode():
            low, scores = decoder(features, *(torch.from_numpy(array) for array in inputs.values()))
        for kind, heads in (("multi", slice(1, 4)), ("single", slice(0, 1))):
            where = f"{image}/{name}/{kind}"
            np.testing.assert_allclose(low[0, heads, 3::8, 3::8], golden[f"{where}/low"], atol=TOLERANCE)
            np.testing.assert_allclose(scores[0, heads], golden[f"{where}/iou"], atol=TOLERANCE)
            frame = Frame((SIDE, SIDE), (size[1], size[0]))
            masks = np.stack([to_mask(each.numpy(), frame, width, height) for each in low[0, heads]])
            packed = np.asarray(golden[f"{where}/mask"], np.uint8)
            official = np.unpackbits(packed, axis=1, count=width * height).reshape(masks.shape)
            assert np.count_nonzero(masks != official, axis=(1, 2)).max() <= 4


def test_the_attention_biases_of_mobile_sam_are_alive(written: dict[str, Path], tmp_path: Path) -> None:
    weights = torch.load(written["mobile_sam"], weights_only=True)
    for key in weights:
        if key.endswith("attention_biases"):
            weights[key] = torch.zeros_like(weights[key])
    torch.save(weights, tmp_path / "without.pt")
    image = torch.from_numpy(canvas(pictures.image("land")))
    architecture = ARCHITECTURES["mobile_sam"]
    with torch.inference_mode():
        [alive] = load(architecture, Half.ENCODER, written["mobile_sam"])(image)
        [lost] = load(architecture, Half.ENCODER, tmp_path / "without.pt")(image)
    assert (alive - lost).abs().max() > 0.1


@pytest.mark.parametrize(
    ("file", "wanted"), [("mobile_sam", "sam_vit_b"), ("sam_vit_b", "sam2.1_hiera_tiny")]
)
def test_a_checkpoint_of_another_model_is_recognised(
    written: dict[str, Path], file: str, wanted: str
) -> None:
    with pytest.raises(ModelError, match=file):
        load(ARCHITECTURES[wanted], Half.ENCODER, written[file])


def test_a_damaged_checkpoint_is_named(written: dict[str, Path], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(written["mobile_sam"].read_bytes()[:100_000])
    for path in (damaged, tmp_path / "missing.pt"):
        with pytest.raises(ModelError, match=path.name):
            load(ARCHITECTURES["mobile_sam"], Half.DECODER, path)
