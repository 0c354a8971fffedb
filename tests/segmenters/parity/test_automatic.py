"""Masks of everything beside the publisher's mask generator: the same masks in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from segment_anything.utils.amg import remove_small_regions

from segmenters.architectures import LOW_RES, SIDE
from segmenters.automatic.filters import Filters
from segmenters.automatic.found_mask import FoundMask
from segmenters.automatic.generator import MaskGenerator
from segmenters.automatic.small_regions import without_small_regions
from segmenters.many_prompts import segment_many
from segmenters.models import ARCHITECTURES
from segmenters.runtimes.session import Array, Session
from segmenters.runtimes.torch_runtime import TorchDevice, TorchSession
from segmenters.sam.decoder import SamDecoder
from tests.segmenters.parity.logits import smooth
from tests.segmenters.parity.seed import SEED
from tests.segmenters.parity.sides import Floats, Sides
from tests.segmenters.parity.slim import SLIM, SLIM2, make_known
from tests.segmenters.parity.test_networks import ANSWERS, one_thread

pytestmark = pytest.mark.slow

GRID = {"points_per_side": 5, "points_per_batch": 4}
"""The official generator keeps the logits of a batch at the image's size."""

RADII = (60, 100, 150)  # of the canvas' pixels
STEEP = 40.0
RATED = 3.0
ANSWER = ("low_res_masks", "iou_predictions")

Json = dict[str, Any]


def discs(points: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """What makes stand-ins find something where they are clicked: cones over discs, of radii by the point.

    The radii change gradually: both sides know a point only within rounding.
    """
    rows, columns = np.mgrid[:LOW_RES, :LOW_RES] * (SIDE / LOW_RES)
    x, y = (np.float64(points[:, axis]).reshape(-1, 1, 1, 1) for axis in (0, 1))
    radii = np.array(RADII).reshape(1, -1, 1, 1) * (1.5 + np.sin((x + 2 * y) / 15) / 2)
    cones = STEEP * (1 - np.hypot(columns - x, rows - y) / radii)
    return np.asarray(cones, np.float32), np.full((len(points), len(RADII)), RATED, np.float32)


@dataclass(frozen=True)
class WithDiscs:
    """A session whose answers have the same added."""

    session: Session

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        found = self.session.run(inputs, outputs)
        first = (slice(None), slice(1, None))  # behind the mask of several prompts
        for name, added in zip(ANSWER, discs(inputs["point_coords"][:, 0]), strict=True):
            found[name][first] += added
        return found


@pytest.fixture(scope="module", params=[SLIM.name, pytest.param(SLIM2.name, marks=pytest.mark.full)])
def sides(request: pytest.FixtureRequest) -> Iterator[Sides]:
    with pytest.MonkeyPatch.context() as patched, one_thread():
        make_known(patched)
        yield Sides.of({**ARCHITECTURES, SLIM.name: SLIM, SLIM2.name: SLIM2}[request.param], SEED)


def theirs(sides: Sides, **options: Any) -> list[Json]:
    return sides.official.everything(discs, **GRID, **options)


def ours(sides: Sides, filters: Filters) -> list[FoundMask]:
    arrays = {name: value.numpy() for name, value in sides.features.items()}
    embedding = replace(sides.embedding, arrays=arrays)
    device = TorchDevice("cpu", 1, bfloat16=False)
    session = TorchSession(device, sides.decoder, ANSWER)
    decoder = SamDecoder(WithDiscs(session), sides.architecture.family, embedding.segmenter)
    generator = MaskGenerator(embedding.width, embedding.height, GRID["points_per_side"], filters)
    for _ in generator.steps(partial(segment_many, decoder, embedding)):
        pass
    return generator.masks


def apart(values: Sequence[float], low: float, high: float) -> float:
    """A threshold as far from all values as can be, with ``low`` to ``high`` of them, 0..1, below it."""
    ordered = np.sort(np.asarray(values))
    first, last = int(low * len(ordered)), max(int(low * len(ordered)) + 2, int(high * len(ordered)))
    some = ordered[first:last]
    gap = int(np.argmax(np.diff(some)))
    return float((some[gap] + some[gap + 1]) / 2)


def box(record: Json) -> NDArray[np.float64]:
    x, y, width, height = record["bbox"]
    return np.array([x, y, x + width, y + height], np.float64)


def overlaps(records: Sequence[Json]) -> list[float]:
    """The IoU of the boxes of each two records."""
    found = []
    for number, one in enumerate(map(box, records)):
        for other in map(box, records[:number]):
            sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
            common = float(np.prod(np.maximum(sides, 0)))
            areas = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]))
            found.append(common / (areas - common) if areas > common else 0.0)
    return found


def same(sides: Sides, found: Sequence[FoundMask], records: Sequence[Json]) -> None:
    """The same masks in the same order, but that scores within rounding of each other may change places."""
    assert len(found) == len(records)
    left = list(records)
    for each in found:
        mask = each.mask(sides.embedding.width, sides.embedding.height)
        close = [
            record
            for record in left
            if abs(record["predicted_iou"] - each.score) < ANSWERS
            and np.count_nonzero(record["segmentation"] ^ mask) <= 1e-4 * mask.size
        ]
        assert close, f"no mask of theirs is that of point {each.point}, rated {each.score}"
        record = close[0]
        assert left[0]["predicted_iou"] - record["predicted_iou"] < 2 * ANSWERS
        left = [other for other in left if other is not record]


def test_the_masks_are_the_official_ones_in_their_order(sides: Sides) -> None:
    everything = theirs(sides, pred_iou_thresh=0.0, stability_score_thresh=0.0, box_nms_thresh=1.0)
    iou = apart([each["predicted_iou"] for each in everything], 0.1, 0.4)
    rated = [each for each in everything if each["predicted_iou"] > iou]
    stability = apart([each["stability_score"] for each in rated], 0.1, 0.4)
    stable = [each for each in rated if each["stability_score"] >= stability]
    overlap = apart(overlaps(stable), 0.6, 0.95)
    records = theirs(sides, pred_iou_thresh=iou, stability_score_thresh=stability, box_nms_thresh=overlap)
    assert 1 < len(records) < len(stable) < len(rated)
    same(sides, ours(sides, Filters(iou, stability, overlap=overlap)), records)


@pytest.mark.parametrize("area", [1, 20, 300, 5000])
def test_small_parts_and_holes_are_removed_as_officially(area: int) -> None:
    for seed in range(5):
        mask = (
            smooth(np.random.default_rng(seed), 1.0) + 0.3 * smooth(np.random.default_rng(seed + 9), 1.0) > 0
        )
        filled, _ = remove_small_regions(mask, area, "holes")
        expected, _ = remove_small_regions(filled, area, "islands")
        np.testing.assert_array_equal(without_small_regions(mask, area), expected)
