"""The browser's picture and the file that was read have different sizes: a mask is of the same place.

Label Studio's editor states the size of what it shows, which may be a resized copy: a thumbnail, a proxy, an
export. From the body of a request to the regions of its answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from exports.middles import deepest
from protocol import brush_rle
from protocol.bodies.predict import read_predict
from protocol.click import Click, read_click
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions
from protocol.polygons import filled
from protocol.regions import encode
from segmenters.architectures import LOW_RES, SIDE, Family
from segmenters.candidates import ranked
from segmenters.classical.segmenter import Classical
from segmenters.resample import to_mask
from segmenters.sam.decoder import SamDecoder
from segmenters.segmenter import Decoder
from testing.label_studio_masks import iou, keypoint, loose_box, rectangle
from testing.pointing import shown
from testing.scenes import scene
from values.embedding import Embedding
from values.image import ModelSize

Mask = NDArray[np.bool_]

WIDTH, HEIGHT = 960, 640
NATIVE = (WIDTH, HEIGHT)
# Half, double, and thumbnails whose sides were rounded.
COPIES = [(480, 320), (1920, 1280), (500, 333), (1279, 853)]
AT = (0.7, 0.3)
RADIUS = 24  # of the fake's discs, in low-res pixels
CONFIG = """<View><Image name="image" value="$image"/><BrushLabels name="brush" toName="image"/>
  <PolygonLabels name="poly" toName="image"/><RectangleLabels name="area" toName="image"/>
  <KeyPointLabels name="point" toName="image"/><RectangleLabels name="box" toName="image"/></View>"""


class Marking:
    """A session in which the place that is pointed at is the mask: a disc, a box, or what was drawn."""

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        y, x = np.mgrid[:LOW_RES, :LOW_RES] + 0.5
        points, labels = inputs["point_coords"][0] * LOW_RES / SIDE, inputs["point_labels"][0]
        if (labels == 2).any():
            (x0, y0), (x1, y1) = points[labels == 2][0], points[labels == 3][0]
            logits = np.minimum(np.minimum(x - x0, x1 - x), np.minimum(y - y0, y1 - y))
            if inputs["has_mask_input"][0]:
                logits = inputs["mask_input"][0, 0]
        else:
            [(px, py)] = points[labels == 1]
            logits = RADIUS - np.hypot(x - px, y - py)
        masks = np.repeat(logits[None, None].astype(np.float32), 4, axis=1)
        return {outputs[0]: masks, outputs[1]: np.ones((1, 4), np.float32)}


@dataclass(frozen=True)
class Reader:
    """A decoder with the embedding of the native picture; ``truth``: the thing that is pointed at, if any."""

    decoder: Decoder
    embedding: Embedding
    truth: Mask | None = None

    def mask(self, click: Click) -> Mask:
        masks = self.decoder.decode(self.embedding, click.prompts[0])
        return to_mask(ranked(masks)[0][0], masks.frame, click.width, click.height)


def _sam(family: Family, size: ModelSize) -> Reader:
    embedding = Embedding({}, "test", WIDTH, HEIGHT, *size.scaled(WIDTH, HEIGHT))
    return Reader(SamDecoder(Marking(), family, "test"), embedding)


def _classical() -> Reader:
    segmenter = Classical()
    picture = scene(1, WIDTH, HEIGHT)
    [embedding] = segmenter.load_encoder(1).encode([shown(segmenter, picture.rgb)])
    return Reader(segmenter.load_decoder(1), embedding, max(picture.masks, key=np.count_nonzero))


READERS = {
    "SAM pads": _sam(Family.SAM, ModelSize(SIDE)),
    "SAM 2 squashes": _sam(Family.SAM2, ModelSize(SIDE, keep_aspect=False)),
    "classical": _classical(),
}


@pytest.fixture(params=READERS, ids=str)
def reader(request: pytest.FixtureRequest) -> Reader:
    return READERS[request.param]


def _items(kind: str, truth: Mask | None, size: tuple[int, int]) -> list[dict[str, Any]]:
    """The same prompt on a copy of this size: on the thing, or else somewhere off the middle."""
    width, height = size
    if truth is None:
        truth = np.zeros((HEIGHT, WIDTH), np.bool_)
        truth[int(0.2 * HEIGHT) : int(0.4 * HEIGHT), int(0.6 * WIDTH) : int(0.8 * WIDTH)] = True
    x, y = np.array(deepest(truth)[1]) / NATIVE
    if kind == "click":
        return [keypoint((x * width, y * height), (height, width), "A")]
    if kind == "box":
        x0, y0, x1, y1 = np.array(loose_box(truth)) / (*NATIVE, *NATIVE) * (*size, *size)
        return [rectangle((x0, y0, x1, y1), (height, width), "A")]
    drawn = cv2.resize(truth.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    item = {**keypoint((0, 0), (height, width), "A"), "type": "brushlabels", "from_name": "brush"}
    return [{**item, "value": {"format": "rle", "rle": brush_rle.encode(drawn).tolist()}}]


def _click(items: list[dict[str, Any]], tag: str = "BrushLabels") -> Click:
    body = {
        "tasks": [{"id": 1, "data": {"image": "a"}}],
        "label_config": CONFIG,
        "params": {"context": {"result": items}},
    }
    click = read_click(read_predict(json.dumps(body).encode()), draw, ReadOptions(output_order=(tag,)))
    assert isinstance(click, Click)
    return click


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    grey = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR_EXACT)
    if size[0] < mask.shape[1]:
        grey = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(grey > 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("size", COPIES, ids=str)
@pytest.mark.parametrize("kind", ["click", "box", "drawn"])
def test_a_mask_on_a_copy_is_that_of_the_picture(reader: Reader, kind: str, size: tuple[int, int]) -> None:
    native = reader.mask(_click(_items(kind, reader.truth, NATIVE)))
    found = reader.mask(_click(_items(kind, reader.truth, size)))
    assert 1000 < np.count_nonzero(native) < native.size / 2
    assert found.shape == size[::-1]
    assert iou(found, _resized(native, size)) >= 0.98


@pytest.mark.parametrize("name", ["SAM pads", "SAM 2 squashes"])
@pytest.mark.parametrize("size", [NATIVE, *COPIES], ids=str)
def test_a_mask_is_where_the_click_is(name: str, size: tuple[int, int]) -> None:
    """In absolute terms: what is wrong at every size would agree with itself."""
    item = keypoint((AT[0] * size[0], AT[1] * size[1]), size[::-1], "A")
    y, x = np.nonzero(READERS[name].mask(_click([item])))
    np.testing.assert_allclose(((x.mean() + 0.5) / size[0], (y.mean() + 0.5) / size[1]), AT, atol=0.004)


@pytest.mark.parametrize("size", [COPIES[0], COPIES[-1]], ids=str)
@pytest.mark.parametrize("tag", ["BrushLabels", "PolygonLabels", "RectangleLabels"])
def test_regions_state_the_size_of_the_copy_and_lie_there(
    reader: Reader, tag: str, size: tuple[int, int]
) -> None:
    native, copy = (_click(_items("box", reader.truth, each), tag) for each in (NATIVE, size))
    [expected], [found] = (encode(reader.mask(click), 1.0, click) for click in (native, copy))
    assert (found["original_width"], found["original_height"]) == size
    assert iou(_area(found), _resized(_area(expected), size)) >= 0.97


def _area(region: dict[str, Any]) -> Mask:
    """A region as a mask of its picture."""
    width, height = region["original_width"], region["original_height"]
    value = region["value"]
    if "rle" in value:
        return brush_rle.decode(value["rle"].tobytes(), height, width)
    if "points" in value:
        return filled(np.array(value["points"]) * (width / 100, height / 100), width, height)
    x, y, across, down = (value[name] / 100 for name in ("x", "y", "width", "height"))
    corners = np.array([(x, y), (x + across, y), (x + across, y + down), (x, y + down)])
    return filled(corners * (width, height), width, height)
