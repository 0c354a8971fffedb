"""Both halves, the tokenizer and the scores against transformers' own classes with the same weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage
import torch
from numpy.typing import NDArray
from PIL import Image

from finders.image_half import ImageHalf, in_the_picture
from finders.matches import match, scored
from finders.networks import LEAST_SIDE
from finders.queries import NOT_MEANT, Queries, example
from finders.text_half import TextHalf
from testing.weights import owlv2
from tests.finders.samples import picture
from tests.finders.theirs import Theirs
from values.found import MOST
from values.image import Pixels

PHRASES = ["cat", "a photo of a traffic light", "red window", "puppy", "the people don't", "2nd straße", "猫"]
PICTURES = {
    "as it is": lambda: picture(96, 96),
    "larger and wide": lambda: picture(300, 200),
    "high": lambda: picture(64, 150),
    "a photograph": lambda: photograph("rocket.jpg"),
}


def photograph(file: str) -> Pixels:
    rgb = np.array(Image.open(Path(skimage.__file__).parent / "data" / file).convert("RGB"))
    return Pixels(rgb, rgb.shape[1], rgb.shape[0])


def chosen(objectness: torch.Tensor, boxes: torch.Tensor, width: int, height: int) -> NDArray[np.intp]:
    """The patches that are to be kept, by transformers: in the picture, and most like an object."""
    corners = in_the_picture(boxes.numpy(), width, height)
    within = np.asarray(((corners[:, 2:] - corners[:, :2]) > LEAST_SIDE).all(1), np.bool_)
    order = np.argsort(-objectness.numpy(), kind="stable")
    return order[within[order]][:MOST]


def as_found(
    boxes: NDArray[np.float32], theirs: NDArray[np.float32], width: int, height: int
) -> NDArray[np.intp]:
    """The place of each of ``boxes`` among ``theirs``; those of nearly one rank may be in either order."""
    apart = np.abs(boxes[:, None] - in_the_picture(theirs, width, height)).sum(-1)
    places = np.asarray(apart.argmin(1), np.intp)
    assert sorted(places) == [*range(len(theirs))]
    return places


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", PICTURES)
def test_boxes_vectors_and_scores_are_those_of_transformers(
    image_half: ImageHalf, text_half: TextHalf, theirs: Theirs, name: str
) -> None:
    pixels = PICTURES[name]()
    width, height = pixels.width, pixels.height
    out = theirs.detect(pixels.rgb, PHRASES)
    patches = chosen(out.objectness_logits[0], out.pred_boxes[0], width, height)
    [found] = image_half.find([pixels])
    assert len(found) == len(patches) > 100
    patches = patches[as_found(found.boxes, out.pred_boxes[0].numpy()[patches], width, height)]

    np.testing.assert_allclose(found.objectness, out.objectness_logits[0].numpy()[patches], atol=1e-5)
    expected = torch.nn.functional.normalize(out.class_embeds[0], dim=-1).numpy()[patches]
    np.testing.assert_allclose(found.vectors.astype(np.float32), expected, atol=2.5e-4)  # of float16
    result = theirs.processor.post_process_object_detection(
        out, threshold=-1.0, target_sizes=[(height, width)]
    )[0]
    corners = result["boxes"].numpy()[patches] / np.array([width, height] * 2)
    np.testing.assert_allclose(found.boxes, np.clip(corners, 0, 1), atol=1e-5)

    queries = Queries.of(list(text_half.vectors(PHRASES)), range(len(PHRASES)))
    np.testing.assert_allclose(queries.logits(found), out.logits[0].numpy()[patches], atol=2e-3)
    scores, classes = scored(found, queries)
    np.testing.assert_allclose(scores, result["scores"].numpy()[patches], atol=5e-4)
    sure = np.sort(out.logits[0].numpy()[patches], 1)
    sure = sure[:, -1] - sure[:, -2] > 4e-3  # float16 may turn what is nearer
    assert sure.mean() > 0.8
    assert (classes == result["labels"].numpy()[patches])[sure].all()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_example_asks_what_transformers_asks_for_that_box(image_half: ImageHalf, theirs: Theirs) -> None:
    one, other = picture(96, 96), picture(120, 96, seed=8)
    source, target = image_half.find([one, other])
    vector = example(source, source.boxes[0])
    with torch.inference_mode():
        # Their choice of a query is the box that most looks like an object, which is our first one.
        out = theirs.model.image_guided_detection(
            pixel_values=theirs.prepared(other.rgb), query_pixel_values=theirs.prepared(one.rgb)
        )
        features = theirs.model.image_embedder(theirs.prepared(other.rgb))[0].flatten(1, 2)
        objectness = theirs.model.objectness_predictor(features)[0]
    logits = Queries.of([vector], [0]).logits(target)[:, 0]
    patches = chosen(objectness, out.target_pred_boxes[0], 120, 96)
    np.testing.assert_allclose(logits, out.logits[0, :, 0].numpy()[patches], atol=3e-3)


def test_phrases_have_the_vectors_of_transformers(text_half: TextHalf, theirs: Theirs) -> None:
    asked = theirs.tokens(PHRASES)
    with torch.inference_mode():
        expected = theirs.model.owlv2.get_text_features(**asked).pooler_output
        expected = torch.nn.functional.normalize(expected, dim=-1).numpy()
    np.testing.assert_allclose(text_half.vectors(PHRASES), expected, atol=1e-6)


def test_a_batch_gives_what_single_pictures_give(image_half: ImageHalf) -> None:
    pictures = [picture(96, 96), picture(50, 90), picture(200, 100)]
    together = image_half.find(pictures)
    for pixels, found in zip(pictures, together, strict=True):
        [alone] = image_half.find([pixels])
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=1e-5)
        np.testing.assert_allclose(found.objectness, alone.objectness, atol=1e-5)
    assert image_half.find([]) == []


def test_a_picture_that_was_scaled_before_gives_the_same_places(image_half: ImageHalf) -> None:
    whole = picture(96, 64)
    [found] = image_half.find([replace(whole, width=960, height=640, evidence="etag")])
    [expected] = image_half.find([whole])
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    assert (found.width, found.height, found.input_width, found.evidence) == (960, 640, 96, "etag")


def test_the_thing_of_an_example_is_found_first(image_half: ImageHalf) -> None:
    [found] = image_half.find([picture(96, 96)])
    queries = Queries.of([example(found, found.boxes[3])], [0])
    products = found.vectors.astype(np.float32) @ queries.vectors[0]
    assert products.argmax() == 3
    assert products[3] == pytest.approx(1, abs=2e-3)


def test_negative_examples_take_what_is_more_like_them(image_half: ImageHalf) -> None:
    [found] = image_half.find([picture(96, 96)])
    vectors = [found.vectors[0], found.vectors[5]]
    both = match(found, Queries.of(vectors, [0, NOT_MEANT]), 0.0, same=1.0)
    alone = match(found, Queries.of(vectors[:1], [0]), 0.0, same=1.0)
    assert set(both.places) < set(alone.places)
    assert 0 in both.places
    assert 5 not in both.places


def test_found_boxes_are_small(image_half: ImageHalf) -> None:
    [found] = image_half.find([picture(96, 96)])
    numbers = owlv2.architecture().text.width
    assert found.nbytes == len(found) * (4 * 4 + 3 * 4 + 2 * numbers)
