from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.embedding_file import from_bytes, to_bytes
from segmenters.candidates import ranked
from segmenters.classical import tracing
from segmenters.classical.hints import Hints
from segmenters.classical.picture import Picture
from segmenters.classical.segmenter import Classical
from segmenters.classical.soft_mask import SoftMask
from segmenters.classical.spare_core import Begin
from segmenters.resample import to_mask
from segmenters.segmenter import Segmenter
from testing.pointing import Annotator, iou, measure, scenes, shown, tight_box
from testing.scenes import scene
from values.embedding import Embedding
from values.errors import ModelError
from values.image import Pixels
from values.prompt import Prompt

SEGMENTER: Segmenter = Classical()
ENCODER = SEGMENTER.load_encoder(1)
DECODER = SEGMENTER.load_decoder(1)


def _encode(rgb: NDArray[np.uint8]) -> Embedding:
    (embedding,) = ENCODER.encode([shown(SEGMENTER, rgb)])
    for array in embedding.arrays.values():
        array.flags.writeable = False
    return embedding


def _answer(embedding: Embedding, prompt: Prompt) -> NDArray[np.bool_]:
    masks = DECODER.decode(embedding, prompt)
    assert masks.logits.dtype == np.float32
    assert np.isfinite(masks.logits).all()
    logits, score = ranked(masks)[0]
    assert 0 <= score <= 1
    return to_mask(logits, masks.frame, embedding.width, embedding.height)


def _prompt(
    size: Embedding | tuple[int, int],
    *clicks: tuple[float, float, int],
    box: tuple[float, ...] | None = None,
) -> Prompt:
    """In pixels of an image, whose ``size`` it is or whose embedding is given."""
    sides = (size.width, size.height) if isinstance(size, Embedding) else size
    return Prompt.in_pixels(sides, [click[:2] for click in clicks], [click[2] for click in clicks], box)


def _disc(
    width: int = 120, height: int = 90, center: tuple[int, int] = (60, 45), radius: int = 20
) -> Embedding:
    return _encode(_disc_image(width, height, center, radius)[0])


def _disc_image(
    width: int, height: int, center: tuple[int, int], radius: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    y, x = np.mgrid[0:height, 0:width]
    truth = np.hypot(x - center[0], y - center[1]) <= radius
    rgb = np.where(truth[..., None], [200, 60, 40], [60, 110, 150])
    noise = np.random.default_rng(1).integers(-8, 9, rgb.shape)
    return (rgb + noise).astype(np.uint8), np.asarray(truth)


def test_embedding_speaks_of_its_image() -> None:
    pixels = Pixels(np.zeros((50, 100, 3), np.uint8), 1000, 500)
    first, second = ENCODER.encode([pixels, Pixels(np.zeros((1, 1, 3), np.uint8), 1, 1)])
    assert (first.width, first.height, first.input_width, first.input_height) == (1000, 500, 100, 50)
    assert first.segmenter == SEGMENTER.version
    assert (second.input_width, second.input_height) == (1, 1)
    assert ENCODER.encode([]) == []


@pytest.mark.slow
def test_its_embeddings_can_be_kept() -> None:
    embedding = _disc()
    again = from_bytes("a key", embedding.segmenter, to_bytes("a key", embedding))
    prompt = _prompt(embedding, (60, 45, 1))
    np.testing.assert_array_equal(
        DECODER.decode(again, prompt).logits, DECODER.decode(embedding, prompt).logits
    )


def test_foreign_embeddings_are_refused() -> None:
    foreign = Embedding({}, "sam-9", 1, 1, 1, 1)
    with pytest.raises(ModelError, match=r"classical-3.*sam-9"):
        DECODER.decode(foreign, _prompt(foreign, (0, 0, 1)))


@pytest.mark.slow
@pytest.mark.parametrize("pictures", [3, pytest.param(9, marks=pytest.mark.full)])
def test_generated_scenes_are_found(pictures: int) -> None:
    """A floor under the accuracy that the benchmark reports, on a few of its objects."""
    results = [measure(SEGMENTER, example) for example in list(scenes(pictures))[::4]]
    means = [statistics.fmean(kind) for kind in zip(*(result.ious for result in results), strict=True)]
    assert min(means) > 0.95, means


@pytest.mark.slow
def test_a_second_click_repairs_the_first_answer() -> None:
    """Two colours on one thing: the first click finds one of them, the second adds the other."""
    rgb, truth = _disc_image(160, 120, (80, 60), 30)
    rgb[60:][truth[60:]] = [230, 220, 60]
    one, two = (Annotator(SEGMENTER, rgb, truth).ask(clicks, None)[0] for clicks in (1, 3))
    assert two > 0.93
    assert two >= one


@pytest.mark.slow
@pytest.mark.parametrize(
    "clicks",
    [
        [(60, 45, 1)],
        [(60, 45, 1), (62, 45, 0)],
        [(60, 45, 1), (5, 5, 1), (100, 80, 0)],
        [(0, 0, 1), (119.9, 89.9, 1)],
        [(60, 45, 0), (60, 48, 1)],
    ],
)
@pytest.mark.parametrize("scale", [1, 10])
def test_clicks_are_obeyed_to_the_pixel(clicks: list[tuple[float, float, int]], scale: int) -> None:
    embedding = _disc()
    large = Embedding(
        embedding.arrays,
        embedding.segmenter,
        120 * scale,
        90 * scale,
        embedding.input_width,
        embedding.input_height,
    )
    scaled = [(x * scale, y * scale, label) for x, y, label in clicks]
    mask = _answer(large, _prompt(large, *scaled))
    for x, y, label in scaled:
        assert mask[int(y), int(x)] == bool(label)


@pytest.mark.slow
def test_of_two_clicks_on_one_pixel_the_newer_counts() -> None:
    embedding = _disc()
    assert not _answer(embedding, _prompt(embedding, (60, 45, 1), (60, 45, 0)))[45, 60]
    assert _answer(embedding, _prompt(embedding, (60, 45, 0), (60, 45, 1)))[45, 60]


def test_negative_clicks_alone_ask_for_nothing() -> None:
    masks = DECODER.decode(_disc(), _prompt((120, 90), (60, 45, 0), (3, 3, 0)))
    assert (masks.logits < 0).all()
    assert masks.scores.tolist() == [0.0]
    assert not _answer(_disc(), Prompt()).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    "box", [(38, 23, 83, 68), (50.3, 40.2, 66.7, 49.9), (100, 2, 118, 20), (-5, -5, 200, 200)]
)
@pytest.mark.parametrize("scale", [1, 7.3])
def test_the_mask_stays_in_the_box(box: tuple[float, ...], scale: float) -> None:
    embedding = _disc()
    width, height = int(120 * scale), int(90 * scale)
    large = Embedding(
        embedding.arrays, embedding.segmenter, width, height, embedding.input_width, embedding.input_height
    )
    x0, y0, x1, y1 = (value * scale for value in box)
    mask = _answer(large, _prompt(large, box=(x0, y0, x1, y1)))
    assert mask.any()
    ys, xs = np.nonzero(mask)
    assert xs.min() >= x0 - 1
    assert ys.min() >= y0 - 1
    assert xs.max() <= x1
    assert ys.max() <= y1


def test_a_box_around_everything_still_finds_the_thing() -> None:
    rgb, truth = _disc_image(120, 90, (60, 45), 30)
    assert iou(_answer(_encode(rgb), _prompt((120, 90), box=(0, 0, 120, 90))), truth) > 0.9


def test_a_click_outside_the_box_stretches_it() -> None:
    mask = _answer(_disc(), _prompt((120, 90), (78, 45, 1), box=(38, 23, 60, 68)))
    assert mask[45, 78]
    assert not mask[:, 80:].any()


@pytest.mark.slow
def test_many_clicks_that_contradict_each_other_cost_a_bounded_number_of_corrections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corrected: list[int] = []
    correct = tracing._corrected

    def counted(picture: Picture, hints: Hints, before: SoftMask, begin: Begin) -> SoftMask:
        corrected.append(len(hints.clicks))
        return correct(picture, hints, before, begin)

    monkeypatch.setattr(tracing, "_corrected", counted)
    embedding = _disc()
    clicks = [(60 + 15 * (index % 2), 45, 1 - index % 2) for index in range(40)]
    places = [(60 + index % 3, 30 + index, index % 2) for index in range(30)]
    mask = _answer(embedding, _prompt(embedding, *clicks, *places))
    assert 0 < len(corrected) <= 16
    newest = {(x, y): label for x, y, label in [*clicks, *places]}
    assert all(mask[y, x] == bool(label) for (x, y), label in newest.items())


def test_box_and_clicks_together() -> None:
    rgb, truth = _disc_image(120, 90, (60, 45), 20)
    rgb[40:50, 55:65] = [60, 110, 150]
    truth[40:50, 55:65] = False
    x0, y0, x1, y1 = tight_box(truth)
    mask = _answer(_encode(rgb), _prompt((120, 90), (48, 45, 1), (60, 45, 0), box=(x0, y0, x1, y1)))
    assert iou(mask, truth) > 0.9


def test_a_drawn_mask_is_a_first_guess() -> None:
    rgb, truth = _disc_image(120, 90, (60, 45), 20)
    drawn = np.zeros((45, 60), np.float32)
    drawn[16:28, 22:36] = 1
    embedding = _encode(rgb)
    assert iou(_answer(embedding, Prompt(mask=drawn)), truth) > 0.9
    prompt = Prompt.in_pixels((120, 90), box=(38, 23, 83, 68), mask=drawn)
    assert iou(_answer(embedding, prompt), truth) > 0.9


@pytest.mark.slow
def test_a_thing_at_the_edge_is_found_up_to_the_edge() -> None:
    rgb, truth = _disc_image(320, 240, (0, 120), 50)
    embedding = _encode(rgb)
    size = (320, 240)
    for prompt in (
        _prompt(size, (15, 120, 1)),
        _prompt(size, (0, 120, 1)),
        _prompt(size, box=(0, 70, 51, 171)),
    ):
        mask = _answer(embedding, prompt)
        assert mask[80:160, 0].all()
        assert iou(mask, truth) > 0.9


@pytest.mark.slow
def test_small_and_large_things() -> None:
    for radius, floor in ((6, 0.83), (10, 0.88), (200, 0.97)):
        rgb, truth = _disc_image(1000, 800, (500, 400), radius)
        assert iou(_answer(_encode(rgb), _prompt((1000, 800), (500, 400, 1))), truth) > floor


@pytest.mark.slow
def test_the_same_question_gets_the_same_answer_in_any_thread() -> None:
    rgb, masks = scene(3, 320, 240)
    embedding = _encode(rgb)
    ys, xs = np.nonzero(masks[0])
    prompts = [_prompt(embedding, (float(xs[i]), float(ys[i]), 1)) for i in (len(xs) // 2, len(xs) // 3)]
    alone = [DECODER.decode(embedding, prompt).logits for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda prompt: DECODER.decode(embedding, prompt).logits, prompts * 3))
    for index, logits in enumerate(together):
        np.testing.assert_array_equal(logits, alone[index % 2])


IMAGES = {
    "1x1": np.full((1, 1, 3), 120, np.uint8),
    "3x5": np.random.default_rng(0).integers(0, 256, (5, 3, 3), np.uint8),
    "1x300": np.random.default_rng(0).integers(0, 256, (300, 1, 3), np.uint8),
    "constant": np.full((40, 60, 3), 77, np.uint8),
    "grey": np.repeat(np.random.default_rng(0).integers(0, 256, (48, 64, 1), np.uint8), 3, axis=2),
    "4000x200": np.random.default_rng(0).integers(0, 256, (200, 4000, 3), np.uint8),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", IMAGES)
def test_odd_images_get_answers(name: str) -> None:
    rgb = IMAGES[name]
    height, width = rgb.shape[:2]
    embedding = _encode(rgb)
    middle, corner = (width / 2, height / 2), (width - 1, height - 1)
    box = (width / 4, height / 4, 3 * width / 4, 3 * height / 4)
    assert _answer(embedding, _prompt(embedding, (*middle, 1)))[int(middle[1]), int(middle[0])]
    assert _answer(embedding, _prompt(embedding, (*corner, 1)))[-1, -1]
    for prompt in (
        _prompt(embedding, box=box),
        _prompt(embedding, (*middle, 1), (0, 0, 0), box=box),
        _prompt(embedding, box=(0, 0, width, height)),
    ):
        assert _answer(embedding, prompt).shape == (height, width)


_COORDINATE = st.floats(-20, 90, width=32)


@pytest.mark.slow
@settings(max_examples=40)
@given(
    st.integers(0, 3),
    st.lists(st.tuples(_COORDINATE, _COORDINATE, st.integers(0, 1)), max_size=5),
    st.none() | st.tuples(_COORDINATE, _COORDINATE, _COORDINATE, _COORDINATE),
    st.none() | st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_any_prompt_gets_an_answer(
    seed: int,
    clicks: list[tuple[float, float, int]],
    box: tuple[float, float, float, float] | None,
    drawn: tuple[int, int] | None,
) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (30 + seed, 50, 3), np.uint8) // (seed + 1)
    prompt = _prompt((rgb.shape[1], rgb.shape[0]), *clicks, box=box)
    if drawn is not None:
        mask = np.random.default_rng(seed).random(drawn).astype(np.float32)
        prompt = Prompt(prompt.points, prompt.labels, prompt.box, mask)
    answer = _answer(_encode(rgb.astype(np.uint8)), prompt)
    assert answer.shape == rgb.shape[:2]
    # A click counts as on the next pixel when it is nearer to it than a fraction is exact.
    newest = {
        (min(max(int(x + 1e-6), 0), 49), min(max(int(y + 1e-6), 0), 29 + seed)): label
        for x, y, label in clicks
    }
    for (column, row), label in newest.items():
        assert answer[row, column] == bool(label)
