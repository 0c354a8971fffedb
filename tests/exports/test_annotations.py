from __future__ import annotations

import json
from typing import Any

import msgspec

from exports.annotations import AnnotationReader, Read, chosen, read_annotations
from exports.classes import Classes
from protocol.bodies.task import Task
from protocol.label_config import parse
from testing.annotated import LABEL_CONFIG, annotation, brush, polygon, rectangle

PAGES = (
    '<View><Image name="image" valueList="$pages"/><BrushLabels name="brush" toName="image">'
    '<Label value="Cat" alias="cat"/></BrushLabels></View>'
)
APART = (
    '<View><Image name="left" value="$left"/><Image name="right" value="$right"/>'
    '<Labels name="names" toName="left"><Label value="Cat"/></Labels><Brush name="brush" toName="left"/>'
    '<RectangleLabels name="box" toName="right"><Label value="Dog"/></RectangleLabels></View>'
)
UNNAMED = '<View><Image name="image" value="$image"/><Brush name="brush" toName="image"/></View>'


def read(config: str, data: Any, *regions: Any) -> Read:
    parsed = parse(config)
    [found] = read_annotations(json.dumps([annotation(*regions)]).encode())
    task = Task(3, msgspec.Raw(json.dumps(data).encode()))
    return AnnotationReader(parsed, Classes.of(parsed)).read(task, found)


def test_each_page_of_a_list_is_a_picture() -> None:
    regions = [brush("cat", item_index=page, id=f"r{page}").region for page in (2, 0, 2)]
    regions[2]["id"] = "r3"
    pages = read(PAGES, {"pages": ["/a.jpg", "/b.jpg", "/c.jpg"]}, *regions)
    assert [(each.image, each.item, each.size) for each in pages.pictures] == [
        ("/a.jpg", 0, (320, 200)),
        ("/b.jpg", 1, None),
        ("/c.jpg", 2, (320, 200)),
    ]
    assert [[each.region for each in picture.objects] for picture in pages.pictures] == [
        ["r0"],
        [],
        ["r2", "r3"],
    ]
    assert pages.pictures[0].objects[0].label == "cat"


def test_images_side_by_side_are_pictures_and_labels_may_come_from_elsewhere() -> None:
    drawn = brush(None, to_name="left").region | {"type": "brush"}
    named = {**drawn, "type": "labels", "from_name": "names", "value": {**drawn["value"], "labels": ["Cat"]}}
    box = rectangle(0, "Dog", to_name="right").region
    found = read(APART, {"left": "/l.jpg", "right": "/r.jpg"}, drawn, named, box)
    assert not found.left_out
    assert [(each.image, [o.label for o in each.objects]) for each in found.pictures] == [
        ("/l.jpg", ["Cat"]),
        ("/r.jpg", ["Dog"]),
    ]


def test_a_project_without_labels_has_one_class() -> None:
    drawn = brush(None).region | {"type": "brush"}
    [picture] = read(UNNAMED, {"image": "/a.jpg"}, drawn).pictures
    assert [(each.label, each.class_id) for each in picture.objects] == [("object", 0)]


def test_regions_on_a_picture_of_another_size_are_left_out() -> None:
    other = polygon().region | {"original_width": 100, "id": "other"}
    found = read(LABEL_CONFIG, {"image": "/a.jpg"}, brush().region, other)
    [left_out] = found.left_out
    assert left_out.sentence == (
        "region other is on a picture of 100 x 200 pixels, those before it on one of 320 x 200; open the "
        "task and save it"
    )
    assert len(found.pictures[0].objects) == 1


def test_regions_on_an_image_that_the_config_has_no_more() -> None:
    found = read(LABEL_CONFIG, {"image": "/a.jpg"}, brush(to_name="gone").region)
    assert [each.sentence for each in found.left_out] == [
        'regions are on an image "gone", which the labeling config does not have'
    ]
    assert [len(each.objects) for each in found.pictures] == [0]


def test_of_several_labels_the_first_counts() -> None:
    region = polygon().region
    region["value"]["polygonlabels"] = ["Bird", "Cat"]
    found = read(LABEL_CONFIG, {"image": "/a.jpg"}, region)
    assert (found.several, found.pictures[0].objects[0].label) == (1, "Bird")


def test_nothing_is_chosen_where_all_was_skipped() -> None:
    skipped = read_annotations(json.dumps([annotation(was_cancelled=True)]).encode())
    assert chosen(skipped) is None
    assert chosen([]) is None


def test_classes_are_in_the_order_of_the_config_and_prompts_make_none() -> None:
    classes = Classes.of(parse(LABEL_CONFIG))
    assert classes.names == ["Dog", "Cat", "Bird"]
    assert classes.id_of("Bird") == 2
    assert (classes.id_of("Whale"), classes.id_of("Whale"), classes.met) == (3, 3, ["Whale"])
    again = Classes.of(parse(LABEL_CONFIG))
    again.meet(classes.met)
    assert again.names == classes.names
