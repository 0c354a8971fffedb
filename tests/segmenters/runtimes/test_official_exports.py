"""Decoders taken from real exports against our own network with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from segmenters.architectures import SIDE
from segmenters.models import ARCHITECTURES
from segmenters.networks.loading import load
from segmenters.resample import to_mask
from segmenters.runtimes.onnx_decoder import DecoderFile, read_decoder
from segmenters.runtimes.onnx_file import inputs, outputs
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from segmenters.runtimes.session import Half
from tests.segmenters.runtimes import official_exports
from tests.segmenters.runtimes.official_exports import Published, export, quantised
from values.image import ModelSize
from values.masks import Frame

pytestmark = pytest.mark.slow

Floats = NDArray[np.float32]
Answer = tuple[Floats, Floats]  # low-res logits (1, N, 256, 256) and scores (1, N)
Reference = Callable[[str], Answer]  # of a prompt
Run = Callable[[str, str], Answer]  # of a variant and a prompt

OPTIONS = {
    "all": {},
    "single": {"return_single_mask": True},
    "stability": {"use_stability_score": True},
    "metrics": {"return_extra_metrics": True},
    "gelu": {"gelu_approximate": True},
}
SINGLE = ("single", "quantised")
ROUNDED = ("gelu", "quantised")

# x, y on the canvas and label, for each point.
POINTS = {
    "click": [(300, 20, 1), (0, 0, -1)],
    "clicks": [(300, 20, 1), (700, 40, 0), (0, 0, -1)],
    "box": [(100, 10, 2), (600, 45, 3)],
    "box and click": [(250, 25, 1), (100, 10, 2), (600, 45, 3)],
    "many clicks": [(40 * n, 3 * n, n % 2) for n in range(1, 16)],
    "refined click": [(300, 20, 1), (0, 0, -1)],
    "mask alone": [(0, 0, -1)],
}
WITH_MASK = ("refined click", "mask alone")


def variants(*names: str) -> list[object]:
    """For a test of each. What two of them change is arithmetic that reading a decoder has no part in."""
    rare = ("stability", "gelu")
    return [pytest.param(each, marks=pytest.mark.full) if each in rare else each for each in names]


@cache
def asked(prompt: str) -> dict[str, Floats]:
    """The decoder's inputs."""
    noise = np.random.default_rng(3)
    points = np.array([POINTS[prompt]], np.float32)
    arrays: dict[str, NDArray[np.generic]] = {
        "image_embeddings": noise.standard_normal((1, 256, 64, 64)) / 2,
        "point_coords": points[..., :2],
        "point_labels": points[..., 2],
        "mask_input": noise.standard_normal((1, 1, 256, 256)) * 5,
        "has_mask_input": np.array([prompt in WITH_MASK]),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Our network's four masks for a prompt."""
    checkpoint = tmp_path_factory.mktemp("checkpoint") / "decoder.pt"
    torch.save(official_exports.weights(), checkpoint)
    module = load(ARCHITECTURES["sam_vit_b"], Half.DECODER, checkpoint)

    @cache
    def answer(prompt: str) -> Answer:
        with torch.inference_mode():
            given = {name: torch.from_numpy(array) for name, array in asked(prompt).items()}
            logits, scores = module(**given)
        return logits.numpy(), scores.numpy()

    return answer


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a variant, made once."""
    folder = tmp_path_factory.mktemp("exports")

    @cache
    def file(variant: str) -> Path:
        path = folder / f"{variant}.onnx"
        if variant == "quantised":
            return quantised(file("single"), path)
        if variant == "published":
            return export(path, Published)
        return export(path, **OPTIONS[variant])

    return file


@pytest.fixture(scope="module")
def decoders(exports: Callable[[str], Path]) -> Callable[[str], DecoderFile]:
    """What is read from the file of a variant."""
    return cache(lambda variant: read_decoder(exports(variant)))


@pytest.fixture(scope="module")
def run(decoders: Callable[[str], DecoderFile]) -> Run:
    """The answer of what is read from the file of a variant to a prompt."""
    session = cache(lambda variant: OnnxRuntimeSession(decoders(variant).graph, 1))

    @cache
    def answer(variant: str, prompt: str) -> Answer:
        found = session(variant).run(asked(prompt), ("low_res_masks", "iou_predictions"))
        return np.asarray(found["low_res_masks"], np.float32), np.asarray(
            found["iou_predictions"], np.float32
        )

    return answer


def expected(variant: str, prompt: str, answer: Answer) -> Answer:
    """What an exact export of the ``variant`` gives, from the four masks of ``answer``."""
    logits, scores = answer
    if variant == "stability":
        inner, outer = ((logits > edge).sum((2, 3)) for edge in (1, -1))
        scores = (inner / outer).astype(np.float32)
    if variant not in SINGLE:
        return logits, scores
    # The exporter counts padding as well: three points or more have the first mask, fewer the best other.
    index = 0 if len(POINTS[prompt]) > 2 else 1 + int(scores[0, 1:].argmax())
    return logits[:, [index]], scores[:, [index]]


def iou(one: Floats, other: Floats) -> float:
    """Mean over the masks of a prompt."""
    both, either = ((one > 0) & (other > 0)).sum((2, 3)), ((one > 0) | (other > 0)).sum((2, 3))
    return float((both / either).mean())


@pytest.mark.parametrize("variant", variants(*OPTIONS, "quantised"))
def test_what_is_read_asks_for_no_size_and_gives_logits_and_scores(
    variant: str, decoders: Callable[[str], DecoderFile], exports: Callable[[str], Path]
) -> None:
    whole = onnx.load(str(exports(variant)))
    model = onnx.load_model_from_string(decoders(variant).graph)
    assert list(inputs(whole)) == [*asked("click"), "orig_im_size"]
    assert list(inputs(model)) == list(asked("click"))
    assert {name: value.shape for name, value in inputs(model).items() if "point" in name} == {
        "point_coords": (1, None, 2),
        "point_labels": (1, None),
    }
    assert list(outputs(model)) == ["low_res_masks", "iou_predictions"]
    assert decoders(variant).masks == (1 if variant in SINGLE else 4)
    assert not any(node.op_type == "Resize" for node in model.graph.node)
    onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize("prompt", POINTS)
@pytest.mark.parametrize("variant", variants(*(each for each in OPTIONS if each not in ROUNDED)))
def test_logits_and_scores_are_those_of_the_network(
    variant: str, prompt: str, run: Run, reference: Reference
) -> None:
    wanted = expected(variant, prompt, reference(prompt))
    for got, exact in zip(run(variant, prompt), wanted, strict=True):
        np.testing.assert_allclose(got, exact, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("variant", "least"), [pytest.param("gelu", 0.99, marks=pytest.mark.full), ("quantised", 0.8)]
)
def test_rounded_weights_and_functions_leave_the_masks_alike(
    variant: str, least: float, run: Run, reference: Reference
) -> None:
    found = []
    for prompt in POINTS:
        logits, scores = run(variant, prompt)
        exact, _ = expected(variant, prompt, reference(prompt))
        assert logits.shape == exact.shape
        assert np.isfinite(logits).all()
        assert np.isfinite(scores).all()
        found.append(iou(logits, exact))
    assert np.mean(found) > least, found
    assert min(found) < 1, "the variant is no other than the exact one"


def masks_of_file(path: Path, prompt: str, width: int, height: int) -> NDArray[np.bool_]:
    """The file's own masks of full size, (N, height, width)."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    size = {"orig_im_size": np.array([height, width], np.float32)}
    masks: NDArray[np.bool_] = session.run(["masks"], asked(prompt) | size)[0][0] > 0
    return masks


def our_masks(answer: Answer, width: int, height: int) -> NDArray[np.bool_]:
    """The masks of full size that we make of low-res logits."""
    columns, rows = ModelSize(SIDE).scaled(width, height)
    frame = Frame((SIDE, SIDE), (rows, columns))
    return np.stack([to_mask(each, frame, width, height) for each in answer[0][0]])


def off(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> int:
    """How many pixels differ, in the mask where most do."""
    assert one.shape == other.shape
    return int((one != other).sum((1, 2)).max())


@pytest.mark.parametrize(("width", "height"), [(320, 200), (180, 300), (4000, 200)])
@pytest.mark.parametrize("prompt", ["click", "box"])
def test_masks_at_the_image_s_size_are_those_of_the_whole_file(
    prompt: str, width: int, height: int, exports: Callable[[str], Path], run: Run
) -> None:
    theirs = masks_of_file(exports("all"), prompt, width, height)
    ours = our_masks(run("all", prompt), width, height)
    assert ours.shape == (4, height, width)
    assert 0 < ours.mean() < 1
    # Where ONNX Runtime and OpenCV round differently.
    assert off(theirs, ours) <= max(4, width * height // 100_000)


def test_the_size_that_the_exporter_of_1_0_fixed_does_not_matter(
    exports: Callable[[str], Path], run: Run
) -> None:
    answer = run("published", "click")
    example, other = (
        masks_of_file(exports("published"), "click", *size) for size in ((300, 200), (180, 300))
    )
    assert off(example, our_masks(answer, 300, 200)) <= 4, "its example has this aspect"
    assert off(other, our_masks(answer, 180, 300)) > 1000, "its own masks are wrong for any other"
    for size in ((180, 300), (4000, 200)):
        correct = masks_of_file(exports("all"), "click", *size)
        assert off(correct, our_masks(answer, *size)) <= 8
