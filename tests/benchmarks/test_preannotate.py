from __future__ import annotations

import numpy as np
import pytest

from benchmarks.click.latency import Pictures
from benchmarks.preannotate.__main__ import CONFIG
from benchmarks.preannotate.pictures import THINGS, Pictured, accuracy, mosaic, spots
from benchmarks.preannotate.tables import EVERYTHING, KEPT, NEW, Row, table
from imaging.decoding import decode
from imaging.options import ImageOptions
from label_studio.projects import Project
from protocol.bodies.annotated import read_annotated
from protocol.bodies.predict import read_predict
from protocol.boxes import box_results, read_boxes
from protocol.options import ReadOptions
from segmenters.model_names import CLASSICAL
from segmenters.options import ModelOptions
from segmenters.registry import choose
from serve_app.cli.preannotate.preannotate_route import body
from testing.scenes import Scene
from tests.benchmarks.printing import printed


@pytest.fixture(scope="module")
def known() -> Scene:
    return mosaic(1)


@pytest.mark.parametrize("kind", ["mosaic", "spots"])
def test_a_picture_has_two_megapixels_and_eight_things_apart(kind: str, known: Scene) -> None:
    each = known if kind == "mosaic" else spots()
    assert each.rgb.shape[0] * each.rgb.shape[1] == pytest.approx(2e6, rel=0.01)
    assert len(each.masks) == THINGS
    assert np.sum(each.masks, axis=0).max() == 1
    assert min(int(mask.sum()) for mask in each.masks) > 1000


def test_a_mosaic_shows_its_things_where_the_truth_has_them(known: Scene) -> None:
    for mask in known.masks:
        inside = known.rgb[mask].mean(axis=0)
        rows, columns = np.argwhere(mask).mean(axis=0) // np.array([s // 2 for s in mask.shape])
        top, left = (int(at * side // 2) for at, side in zip((rows, columns), mask.shape, strict=True))
        quarter = np.s_[top : top + mask.shape[0] // 2, left : left + mask.shape[1] // 2]
        ground = known.rgb[quarter][~np.any(known.masks, axis=0)[quarter]].mean(axis=0)
        assert np.abs(inside - ground).max() > 20


def test_the_application_reads_a_box_around_each_thing(known: Scene) -> None:
    pictured = Pictured.at(8000, 3, known)
    content = body(Project(1, label_config=CONFIG), [(pictured.task, pictured.boxes)])
    about, [task] = read_predict(content), read_annotated(content, "the request")
    segmenter = choose(ModelOptions(model=CLASSICAL)).segmenter
    [image] = read_boxes(about, task, box_results(task, segmenter.version), ReadOptions()).images
    assert len(image.boxes) == THINGS
    pixels = decode(Pictures.pictures["/3.jpg"], segmenter.input, ImageOptions())
    assert (pixels.width, pixels.height) == known.rgb.shape[1::-1]


def test_accuracy_takes_the_mask_that_fits_a_thing_best(known: Scene) -> None:
    assert accuracy(known, known.masks) == 1
    assert accuracy(known, [known.masks[0], np.any(known.masks, axis=0)]) == pytest.approx(
        np.mean([1, *(mask.sum() / np.sum(known.masks) for mask in known.masks[1:])])
    )
    assert accuracy(known, []) == 0


def test_each_way_has_a_line_and_is_compared_with_boxes_of_its_model() -> None:
    rows = [
        Row("classical", NEW, 10, 80, 20.0, 30.0, 0.9512),
        Row("classical", KEPT, 10, 80, 5.0, 8.0, 0.9512),
        Row("mobile_sam", NEW, 10, 79, 40.0, 60.0, None),
        Row("mobile_sam", EVERYTHING, 2, 0, 80.0, 150.0, None),
    ]
    lines = [
        line.split() for line in printed(table(rows)).splitlines() if "classical" in line or "sam" in line
    ]
    assert [line[-6:] for line in lines] == [
        ["10", "0.500", "1.00", "4.00", "3.00", "0.951"],
        ["10", "2.000", "4.00", "16.00", "0.80", "0.951"],
        ["10", "0.250", "1.00", "1.98", "6.00", "–"],
        ["2", "0.025", "0.10", "0.00", "75.00", "–"],
    ]
