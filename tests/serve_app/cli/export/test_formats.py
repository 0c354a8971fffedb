"""Every format from every kind of region, read back and compared with the truth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from testing.annotated import CLASSES, EACH_KIND, HEIGHT, WIDTH, Known
from testing.data_sets import coco_mask, filled, geojson_mask, labelme_mask, yolo_lines
from testing.label_studio_masks import iou
from tests.serve_app.cli.export.desk import Desk

MASKS, OUTLINES = 0.99, 0.97
"""The least agreement with the truth, of masks and of outlines."""


@pytest.fixture
def known(desk: Desk) -> list[Known]:
    """A task for each kind of region."""
    known = [make() for make in EACH_KIND.values()]
    for each in known:
        desk.add(each.region)
    return known


def label(known: Known) -> str:
    value = known.region["value"]
    return str(value[known.region["type"]][0])


@pytest.mark.parametrize(("flags", "least"), [((), MASKS), (("--polygons",), OUTLINES)])
def test_coco(desk: Desk, known: list[Known], flags: tuple[str, ...], least: float) -> None:
    assert desk.run("--format", "coco", *flags).exit_code == 0
    content = desk.json("instances.json")
    assert content["categories"] == [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
    assert [image["file_name"] for image in content["images"]] == [f"{i}.jpg" for i in range(1, 8)]
    assert {(image["width"], image["height"]) for image in content["images"]} == {(WIDTH, HEIGHT)}
    assert len(content["annotations"]) == len(known), "one object a region, in however many parts"
    for each, found in zip(known, content["annotations"], strict=True):
        mask = coco_mask(found["segmentation"], WIDTH, HEIGHT)
        assert iou(mask, each.truth) >= least
        assert found["iscrowd"] == 0
        assert CLASSES[found["category_id"] - 1] == label(each)
        assert found["area"] == pytest.approx(each.truth.sum(), rel=0.01)
        rows, columns = np.nonzero(each.truth)
        left, top = columns.min(), rows.min()
        box = (left, top, columns.max() + 1 - left, rows.max() + 1 - top)
        assert found["bbox"] == pytest.approx(box, abs=2)
        if isinstance(found["segmentation"], list):
            assert all(len(ring) >= 6 for ring in found["segmentation"])


def test_yolo_outlines(desk: Desk, known: list[Known]) -> None:
    assert desk.run("--format", "yolo-seg").exit_code == 0
    for number, each in enumerate(known, 1):
        [(class_id, points)] = yolo_lines(desk.out / f"labels/train/{number}.txt")
        assert CLASSES[class_id] == label(each)
        assert iou(filled([points * (WIDTH, HEIGHT)], WIDTH, HEIGHT), each.truth) >= OUTLINES
        # As Ultralytics draws them, whose pixels are those that the outline touches too.
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(drawn, [(points * (WIDTH, HEIGHT)).astype(np.int32)], (1,))
        assert iou(drawn > 0, each.truth) >= 0.93
    assert (desk.out / "data.yaml").read_text().splitlines()[1:] == [
        "train: images/train",
        "val: images/train",
        "names:",
        '  0: "Dog"',
        '  1: "Cat"',
        '  2: "Bird"',
    ]


def test_yolo_boxes(desk: Desk, known: list[Known]) -> None:
    assert desk.run("--format", "yolo").exit_code == 0
    for number, each in enumerate(known, 1):
        [(class_id, (middle, size))] = yolo_lines(desk.out / f"labels/train/{number}.txt")
        assert CLASSES[class_id] == label(each)
        rows, columns = np.nonzero(each.truth)
        low, high = (middle - size / 2) * (WIDTH, HEIGHT), (middle + size / 2) * (WIDTH, HEIGHT)
        assert low == pytest.approx((columns.min(), rows.min()), abs=1)
        assert high == pytest.approx((columns.max() + 1, rows.max() + 1), abs=1)


def test_png(desk: Desk, known: list[Known]) -> None:
    assert desk.run("--format", "png").exit_code == 0
    for number, each in enumerate(known, 1):
        objects = cv2.imread(str(desk.out / f"objects/{number}.png"), cv2.IMREAD_UNCHANGED)
        classes = cv2.imread(str(desk.out / f"classes/{number}.png"), cv2.IMREAD_UNCHANGED)
        assert objects is not None
        assert classes is not None
        assert [pixels.dtype.name for pixels in (objects, classes)] == ["uint16", "uint8"]
        assert iou(objects == 1, each.truth) >= MASKS
        assert ((classes == CLASSES.index(label(each)) + 1) == (objects == 1)).all()
        assert set(np.unique(classes)) == {0, CLASSES.index(label(each)) + 1}


def test_numpy(desk: Desk, known: list[Known]) -> None:
    desk.add(*[each.region | {"id": f"r{number}"} for number, each in enumerate(known)])
    assert desk.run("--format", "numpy").exit_code == 0
    with np.load(desk.out / "8.npz", allow_pickle=False) as content:
        assert content["masks"].shape == (7, HEIGHT, WIDTH)
        assert content["masks"].dtype == np.bool_
        assert [CLASSES[number] for number in content["class_ids"]] == [label(each) for each in known]
        assert content["labels"].tolist() == [label(each) for each in known]
        assert content["regions"].tolist() == [f"r{number}" for number in range(7)]
        assert content["boxes"].shape == (7, 4)
        for each, mask in zip(known, content["masks"], strict=True):
            assert iou(mask, each.truth) >= MASKS


def test_geojson(desk: Desk, known: list[Known]) -> None:
    assert desk.run("--format", "geojson").exit_code == 0
    for number, each in enumerate(known, 1):
        [feature] = desk.json(f"{number}.geojson")["features"]
        assert iou(geojson_mask(feature["geometry"], WIDTH, HEIGHT), each.truth) >= OUTLINES
        assert feature["properties"]["label"] == label(each)
    geometry = desk.json("1.geojson")["features"][0]["geometry"]
    assert geometry["type"] == "MultiPolygon"
    assert [len(rings) for rings in geometry["coordinates"]] == [2, 1], "the ring has a hole, the spot none"


def test_labelme(desk: Desk, known: list[Known]) -> None:
    assert desk.run("--format", "labelme").exit_code == 0
    kinds = []
    for number, each in enumerate(known, 1):
        content = desk.json(f"{number}.json")
        assert (content["imageWidth"], content["imageHeight"]) == (WIDTH, HEIGHT)
        assert (content["imagePath"], content["imageData"]) == (f"{number}.jpg", None)
        [shape] = content["shapes"]
        kinds.append(shape["shape_type"])
        assert shape["label"] == label(each)
        assert iou(labelme_mask(shape, WIDTH, HEIGHT), each.truth) >= OUTLINES
    assert kinds == ["mask", "mask", "polygon", "rectangle", "polygon", "polygon", "polygon"]


def test_pictures_and_classes_are_listed(desk: Desk, known: list[Known]) -> None:
    assert desk.run("--format", "png").exit_code == 0
    listed = desk.lines("pictures.jsonl")
    assert (desk.out / "classes.txt").read_text() == "Dog\nCat\nBird\n"
    first = listed[0]
    assert (first["picture"], first["task"], first["image"]) == ("1.jpg", 1, "/data/upload/1/1.jpg")
    assert (first["width"], first["height"], first["annotation"]) == (WIDTH, HEIGHT, 1)
    [described] = first["objects"]
    assert described["region"] == known[0].region["id"]
    assert (described["label"], described["class_id"], described["kind"]) == ("Cat", 1, "brush")
    assert described["area"] == known[0].truth.sum()
