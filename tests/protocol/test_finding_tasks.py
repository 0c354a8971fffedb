"""What is looked for in the pictures of tasks, and where the masks go."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from protocol.bodies.preannotate import Like, Things
from protocol.bodies.predict import read_predict
from protocol.finding_tasks import FindTask, read_finds
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions
from testing.annotated import brush, region
from tests.protocol.support import IMAGE, control, encoded, view
from values.errors import BadLabelConfig, BadPrompt

LABELS = (
    '<BrushLabels name="brush" toName="image"><Label value="Dog"/>'
    '<Label value="Cat" predicted_values="kitten, tabby"/></BrushLabels>'
)
CONFIG = view(IMAGE, LABELS)


def finds(config: str | None, *results: Any, data: Any = None, **things: Any) -> FindTask:
    data = {"image": "/data/upload/1/a.png"} if data is None else data
    body = {"tasks": [{"id": 7, "data": data}], "project": "3.17", "label_config": config}
    about = read_predict(encoded(body))
    raws = [msgspec.Raw(encoded(result)) for result in results]
    return read_finds(about, about.tasks[0], raws, Things(**things), draw, ReadOptions())


def test_phrases_get_the_labels_that_are_called_so_or_the_first() -> None:
    found = finds(CONFIG, phrases=("kitten", "lynx", "Cat"))
    [find] = found.finds
    assert (find.phrases, find.classes) == (("kitten", "lynx", "Cat"), (0, 1, 0))
    assert [output.labels for output in find.outputs] == [("Cat",), ("Dog",)]
    assert (find.image.project, find.image.task, find.image.value) == ("3", 7, "/data/upload/1/a.png")
    assert (find.threshold, find.size, find.item_index, found.left_out) == (None, None, None, ())
    assert (find.examples.shape, find.negatives.shape, find.regions.shape) == ((0, 4),) * 3


def test_labels_are_looked_for_by_what_they_are_called() -> None:
    [find] = finds(CONFIG).finds
    assert (find.phrases, find.classes) == (("Dog", "kitten", "tabby"), (0, 1, 1))
    assert [output.labels for output in find.outputs] == [("Dog",), ("Cat",)]


def test_the_threshold_is_the_requests_or_the_controls() -> None:
    config = CONFIG.replace('name="brush"', 'name="brush" model_score_threshold="0.4"')
    assert finds(config).finds[0].threshold == 0.4
    assert finds(config, threshold=0.1).finds[0].threshold == 0.1


def test_what_is_annotated_is_left_alone_on_its_own_picture() -> None:
    config = view('<Image name="image" valueList="$images"/>', LABELS)
    on_second = brush(item_index=1).region
    box = region("rectangle", {"x": 10, "y": 20, "width": 30, "height": 40})
    data = {"images": ["/data/upload/1/a.png", "/data/upload/1/b.png"]}
    first, second = finds(config, box, on_second, {"type": 3}, data=data).finds
    assert np.allclose(first.regions, [(0.1, 0.2, 0.4, 0.6)])
    assert second.regions.shape == (1, 4)
    assert not np.allclose(first.regions, second.regions)
    assert (first.item_index, second.item_index) == (0, 1)


def test_each_image_has_labels_of_its_own() -> None:
    other = control("BrushLabels", "other", "Bird", attributes='toName="right"')
    config = view(IMAGE, '<Image name="right" value="$right"/>', LABELS, other)
    data = {"image": "/data/upload/1/a.png", "right": "/data/upload/1/b.png"}
    left, right = finds(config, data=data).finds
    assert (left.phrases, right.phrases) == (("Dog", "kitten", "tabby"), ("Bird",))
    assert right.outputs[0].from_name == "other"


def test_a_picture_that_is_missing_is_left_out() -> None:
    config = view(IMAGE, '<Image name="right" value="$right"/>', LABELS.replace("image", "image,right"))
    found = finds(config, data={"image": "/data/upload/1/a.png"})
    assert len(found.finds) == 1
    [left_out] = found.left_out
    assert left_out.code == "image_missing"


def test_configs_without_what_can_be_looked_for() -> None:
    with pytest.raises(BadPrompt, match="no labels for masks on the image"):
        finds(view(IMAGE, '<Brush name="brush" toName="image"/>'))
    with pytest.raises(BadLabelConfig, match="no control of the labeling config takes a mask"):
        finds(view(IMAGE), phrases=("cat",))
    with pytest.raises(BadLabelConfig, match="has no labeling config"):
        finds(None)
    [find] = finds(view(IMAGE, '<Brush name="brush" toName="image"/>'), phrases=("cat",)).finds
    assert [output.labels for output in find.outputs] == [()]


def test_what_looks_like_examples_gets_their_labels_or_the_first() -> None:
    like = tuple(Like("b.png", (0, 0, 1, 1), 3, label) for label in ("Cat", None, "Fish", "Cat"))
    [find] = finds(CONFIG, like=like).finds
    assert (find.phrases, find.classes) == ((), (0, 1, 2, 0))
    assert [output.labels for output in find.outputs] == [("Cat",), ("Dog",), ()]
