"""The model ``onnx``: a decoder that the official exporter made, with either kind of encoder."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmenters.checkpoints.digest import sha256_of
from segmenters.models import ARCHITECTURES
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.resample import to_mask
from segmenters.runtimes.exported_graphs import exported
from segmenters.runtimes.session import Half
from segmenters.sam.decoder import SamDecoder
from segmenters.sam.execution import Execution
from segmenters.sam.onnx_segmenter import OnnxFile, OnnxSam
from segmenters.sam.segmenter import SegmentAnything
from testing.weights import pictures
from testing.weights.models import stand_in
from tests.segmenters.runtimes.official_exports import Published, export, quantised
from values.embedding import Embedding
from values.errors import ModelError
from values.image import Pixels
from values.masks import Masks
from values.prompt import Prompt

pytestmark = pytest.mark.slow

CPU = Execution(encoder="cpu")
SIZES = [(320, 200), (180, 300), (4000, 200), (1600, 1200)]


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As of segment-anything 1.0, which makes constants of its example's size; with MobileSAM's weights."""
    return export(tmp_path_factory.mktemp("decoder") / "decoder.onnx", Published)


@pytest.fixture(scope="module")
def mobile_sam(models: Path) -> SegmentAnything:
    return stand_in("mobile_sam", models)


@pytest.fixture(scope="module")
def halves(mobile_sam: SegmentAnything, decoder: Path) -> tuple[SamDecoder, SamDecoder]:
    """The model's own decoder, and that of the file."""
    return mobile_sam.load_decoder(1), OnnxSam(mobile_sam, _file(decoder), CPU).load_decoder(1)


def _file(path: Path) -> OnnxFile:
    return OnnxFile(path, sha256_of(path))


def _pixels(segmenter: OnnxSam | SegmentAnything, size: tuple[int, int]) -> Pixels:
    small = Image.fromarray(pictures.image("land")).resize(segmenter.input.scaled(*size))
    return Pixels(np.asarray(small), *size)


def _embedding(segmenter: OnnxSam | SegmentAnything, size: tuple[int, int]) -> Embedding:
    """Of an image of ``size``: decoders need no encoder to be compared."""
    noise = np.random.default_rng(3).standard_normal((1, 256, 64, 64), np.float32) / 2
    arrays = {"image_embeddings": noise}
    return Embedding(arrays, segmenter.version, *size, *segmenter.input.scaled(*size))


def _prompts() -> dict[str, Prompt]:
    points = np.array([[0.38, 0.45], [0.76, 0.56]])
    box = np.array([0.16, 0.22, 0.61, 0.68])
    labels = np.array([1, 0], np.int32)
    drawn = np.zeros((50, 80), np.float32)
    drawn[10:30, 20:50] = 1
    return {
        "click": Prompt(points[:1], labels[:1]),
        "clicks": Prompt(points, labels),
        "box": Prompt(box=box),
        "box and clicks": Prompt(points, labels, box),
        "box and mask": Prompt(box=box, mask=drawn),
    }


def _mask(masks: Masks, size: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.stack([to_mask(logits, masks.frame, *size) for logits in masks.logits])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_one_file_serves_images_of_every_size(
    size: tuple[int, int],
    mobile_sam: SegmentAnything,
    decoder: Path,
    halves: tuple[SamDecoder, SamDecoder],
) -> None:
    onnx = OnnxSam(mobile_sam, _file(decoder), CPU)
    assert onnx.input == mobile_sam.input
    for name, prompt in _prompts().items():
        expected = _mask(halves[0].decode(_embedding(mobile_sam, size), prompt), size)
        found = _mask(halves[1].decode(_embedding(onnx, size), prompt), size)
        # Logits differ by 1e-5, and of random weights many are near 0.
        assert np.count_nonzero(expected != found, axis=(1, 2)).max() <= 4 + size[0] * size[1] / 1e6, name
        assert found.any(), name


def test_both_halves_may_be_files(mobile_sam: SegmentAnything, models: Path, decoder: Path) -> None:
    weights = mobile_sam.weights()
    graph = exported(ARCHITECTURES["mobile_sam"], Half.ENCODER, weights.checkpoint, weights.sha256, models)
    options = ModelOptions(
        model="onnx", onnx_checkpoint=str(decoder), onnx_encoder=str(graph), model_dir=models, device="cpu"
    )
    choice = choose(options)
    onnx = choice.segmenter
    assert isinstance(onnx, OnnxSam)
    assert not choice.gpu
    assert pickle.loads(pickle.dumps(onnx)) == onnx
    assert onnx.version == f"onnx-{sha256_of(graph)[:8]}-{sha256_of(decoder)[:8]}"
    size, prompt = (320, 200), _prompts()["click"]
    [theirs], [ours] = (each.load_encoder(2).encode([_pixels(onnx, size)]) for each in (onnx, mobile_sam))
    expected = mobile_sam.load_decoder(1).decode(ours, prompt)
    found = onnx.load_decoder(1).decode(theirs, prompt)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-3)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)


def test_a_quantised_decoder_with_the_encoder_of_a_checkpoint(
    mobile_sam: SegmentAnything, decoder: Path, tmp_path: Path, models: Path
) -> None:
    small = quantised(decoder, tmp_path / "quantised.onnx")
    options = ModelOptions(
        sam_choice="ONNX",
        onnx_checkpoint=str(small),
        onnx_encoder="mobile_sam",
        mobilesam_checkpoint=str(mobile_sam.checkpoint.path),
        model_dir=models,
        device="cpu",
    )
    onnx = choose(options, gpu=True).segmenter
    assert isinstance(onnx, OnnxSam)
    assert onnx.name == "onnx"
    found = onnx.load_decoder(1)
    for prompt in _prompts().values():
        assert np.isfinite(found.decode(_embedding(onnx, (320, 200)), prompt).logits).all()


def test_a_file_that_changed_is_not_loaded(
    mobile_sam: SegmentAnything, decoder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "decoder.onnx"
    copy.write_bytes(decoder.read_bytes())
    onnx = OnnxSam(mobile_sam, _file(copy), CPU)
    copy.write_bytes(decoder.read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"decoder\.onnx has changed since the application started"):
        onnx.load_decoder(1)


def test_a_file_of_the_wrong_half_is_refused_before_it_is_loaded(
    mobile_sam: SegmentAnything, models: Path, decoder: Path
) -> None:
    weights = mobile_sam.weights()
    graph = exported(ARCHITECTURES["mobile_sam"], Half.ENCODER, weights.checkpoint, weights.sha256, models)
    for wrong in (
        {"onnx_checkpoint": str(graph), "onnx_encoder": str(graph)},
        {"onnx_checkpoint": str(decoder), "onnx_encoder": str(decoder)},
    ):
        with pytest.raises(ModelError, match="image encoder"):
            choose(ModelOptions.model_validate({"model": "onnx", "model_dir": models, **wrong}))
