from __future__ import annotations

import pickle
from typing import Any

import pytest

from protocol import repeater
from protocol.bodies.predict import PredictBody, read_predict
from protocol.click import LOOK_UPS, Click, Nothing, no_region, read_click, read_images
from protocol.controls import Output
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions
from protocol.repeater import Budget
from tests.protocol.support import (
    INTERACTIVE,
    WITHOUT_PROMPTS,
    capture,
    capture_bytes,
    encoded,
    keypoint,
    predict,
    rectangle,
    view,
)
from values.errors import BadLabelConfig, BadPrompt, BadRequest, ImageMissing
from values.image import ImageSource

CONFIG = (
    '<View><Image name="image" value="$image"/>'
    '<BrushLabels name="brush" toName="image"><Label value="Object"/></BrushLabels>'
    '<KeyPointLabels name="prompt" toName="image"><Label value="Object"/></KeyPointLabels></View>'
)
PAGES = (
    '<View><Image name="image" valueList="$pages"/><BrushLabels name="brush" toName="image">'
    '<Label value="Object"/></BrushLabels></View>'
)


def click(body: PredictBody, **options: Any) -> Click:
    found = read_click(body, draw, ReadOptions.model_validate(options))
    assert isinstance(found, Click)
    return found


@pytest.mark.parametrize("name", INTERACTIVE)
def test_every_real_interactive_request_is_a_click(name: str) -> None:
    body = capture(name)
    found = click(read_predict(capture_bytes(name)))
    first = body["params"]["context"]["result"][0]
    assert found.image.value == body["tasks"][0]["data"]["image"]
    assert found.image.task == body["tasks"][0]["id"]
    assert found.image.project == body["project"].split(".")[0]
    assert (found.width, found.height) == (first["original_width"], first["original_height"])
    value = first["value"]
    label = value[first["type"]][0]
    assert found.outputs == (Output("BrushLabels", "tag", "image", (label,)),)
    assert len(found.prompts) == 1


@pytest.mark.parametrize("name", WITHOUT_PROMPTS)
def test_a_real_request_without_prompts_is_no_click_but_names_images(name: str) -> None:
    body = read_predict(capture_bytes(name))
    assert read_click(body, draw) is None
    images = read_images(body, 100)
    assert [image.task for image in images] == [task.number for task in body.tasks]
    assert read_images(body, 1) == images[:1]
    assert read_images(body, 0) == []


def test_a_click_pickles() -> None:
    found = click(predict(CONFIG, keypoint(10, 20), rectangle(0, 0, 50, 50)))
    again = pickle.loads(pickle.dumps(found))
    assert (again.image, again.outputs, again.width) == (found.image, found.outputs, found.width)
    assert (again.prompts[0].points == found.prompts[0].points).all()


def test_options_reach_prompts_and_output() -> None:
    config = CONFIG.replace("</View>", '<PolygonLabels name="poly" toName="image"/></View>')
    body = predict(config, rectangle(0, 0, 10, 10), rectangle(50, 50, 10, 10))
    assert len(click(body).prompts) == 1
    found = click(body, multi_box="each", output_order="PolygonLabels")
    assert len(found.prompts) == 2
    assert found.outputs[0].from_name == "poly"


def test_credentials_go_with_the_image() -> None:
    context = {"result": [keypoint(1, 1)]}
    body = {
        "tasks": [{"id": "7", "data": {"image": "a"}}],
        "project": "3.1",
        "label_config": CONFIG,
        "params": {"login": "l", "password": "p", "context": context},
    }
    assert click(read_predict(encoded(body))).image == ImageSource("a", "3", 7, "l", "p")


def test_item_index_picks_the_page() -> None:
    pages = {"pages": ["a", "b", "c"]}
    found = click(predict(PAGES, keypoint(1, 1, item_index=1), data=pages))
    assert (found.image.value, found.item_index) == ("b", 1)
    found = click(predict(PAGES, keypoint(1, 1), data=pages))
    assert (found.image.value, found.item_index) == ("a", None)
    assert [image.value for image in read_images(predict(PAGES, data=pages), 9)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("config", "data", "sentence"),
    [
        (
            CONFIG,
            {},
            r'task 7: data\["image"\], which <Image name="image"> shows, is missing: the task has no',
        ),
        (CONFIG, {"pic": "a"}, r'is missing: the task has "pic"; import the task with that key'),
        (CONFIG.replace("$image", "$meta.url"), {"meta": {"uri": "a"}}, r'data\["meta"\] has "uri"; import'),
        (CONFIG.replace("$image", "x/$dir"), {"image": "a"}, r'data\["dir"\], .*, is missing'),
        (CONFIG.replace("$image", "x/$dir"), {"dir": ["a"]}, r'data\["dir"\], .*, has 1 items'),
        (CONFIG.replace("$image", ""), {"image": "a"}, r'<Image name="image"> .* has no value'),
        (CONFIG.replace("$image", "$a$a"), {"a": " "}, "is no image path or URL: it is empty"),
        (CONFIG, {"image": None}, "is missing"),
        (CONFIG, {"image": 5}, "is no image path or URL: it is a number"),
        (CONFIG, {"image": {"url": "a"}}, "is no image path or URL"),
        (CONFIG, {"image": "  "}, "is no image path or URL"),
        (PAGES, {"pages": []}, "has 0 items, and item 0 is asked for"),
        (PAGES, {"pages": [5]}, r'data\["pages"\], .* item 0, is no image path'),
    ],
)
def test_a_task_without_its_image(config: str, data: object, sentence: str) -> None:
    body = predict(config, keypoint(1, 1), data=data)
    with pytest.raises(ImageMissing, match=sentence):
        read_click(body, draw)
    assert read_images(body, 10) == []


@pytest.mark.parametrize(
    ("config", "prompt", "reason"),
    [
        ("<View></View>", keypoint(1, 1), 'no <Image name="image">'),
        (CONFIG, keypoint(1, 1, to_name="video"), 'no <Image name="video">'),
        (CONFIG.replace("BrushLabels", "Choices"), keypoint(1, 1), "no control for the image"),
        (CONFIG, keypoint(1, 1, is_positive=False), "ask for no mask"),
        (CONFIG, {"type": "choices"}, "ask for no mask"),
    ],
)
def test_no_mask_can_be_placed(config: str, prompt: dict[str, Any], reason: str) -> None:
    found = read_click(predict(config, prompt), draw)
    assert isinstance(found, Nothing)
    assert reason in found.reason


REPEATED = (
    '<View><Repeater on="$pages"><Image name="page_{{idx}}" value="$pages[{{idx}}].url"/>'
    '<BrushLabels name="brush_{{idx}}" toName="page_{{idx}}"><Label value="Object"/></BrushLabels>'
    '<KeyPointLabels name="point_{{idx}}" toName="page_{{idx}}"><Label value="Object"/></KeyPointLabels>'
    "</Repeater></View>"
)
URLS = {"pages": [{"url": "a"}, {"url": "b"}, {"title": "c"}]}


def test_a_click_on_a_repeated_image_goes_to_its_own_control() -> None:
    prompt = keypoint(1, 1, to_name="page_1", from_name="point_1")
    found = click(predict(REPEATED, prompt, data=URLS))
    assert (found.image.value, found.item_index) == ("b", None)
    assert found.outputs == (Output("BrushLabels", "brush_1", "page_1", ("Object",)),)
    unnamed = click(predict(REPEATED, {**prompt, "to_name": None}, data=URLS))
    assert unnamed.image.value == "b"


def test_repeated_images_are_warmed() -> None:
    assert [image.value for image in read_images(predict(REPEATED, data=URLS), 9)] == ["a", "b"]
    assert [image.value for image in read_images(predict(REPEATED, data=URLS), 1)] == ["a"]
    many = {"pages": [{"url": str(number)} for number in range(9000)]}
    assert len(read_images(predict(REPEATED, data=many), 50)) == 50


def test_a_repeated_image_that_this_task_has_not() -> None:
    found = read_click(predict(REPEATED, keypoint(1, 1, to_name="page_3"), data=URLS), draw)
    assert isinstance(found, Nothing)
    assert "make none of that name for this task" in found.reason
    with pytest.raises(ImageMissing, match=r'data\["pages"\]\[2\]\["url"\], .*page_2.* has "title"'):
        read_click(predict(REPEATED, keypoint(1, 1, to_name="page_2"), data=URLS), draw)


@pytest.mark.parametrize(
    ("value", "data", "image"),
    [
        ("$meta.url", {"meta": {"url": "a"}}, "a"),
        ("$images[0]", {"images": ["a", "b"]}, "a"),
        ("$images[1].page", {"images": [{}, {"page": "b"}]}, "b"),
        ("prefix/$name", {"name": "a.png"}, "prefix/a.png"),
        ("https://host/$dir/$name", {"dir": "d", "name": 5}, "https://host/d/5"),
        ("https://host/a.png", {}, "https://host/a.png"),
    ],
)
def test_clicks_and_warming_resolve_the_same(value: str, data: object, image: str) -> None:
    config = CONFIG.replace("$image", value)
    assert click(predict(config, keypoint(1, 1), data=data)).image.value == image
    assert [source.value for source in read_images(predict(config, data=data), 9)] == [image]


def test_an_image_that_cannot_be_read_keeps_no_other_from_being_warmed() -> None:
    broken = '<Image name="x" value="' + "$a" * 40 + '"/><Image name="y" value="$none"/>'
    config = CONFIG.replace("<View>", "<View>" + broken)
    assert [image.value for image in read_images(predict(config, data={"image": "a"}), 9)] == ["a"]


def test_each_box_keeps_its_own_label() -> None:
    labels = "".join(f'<Label value="{name}"/>' for name in ("Cat", "Dog"))
    boxes = [
        {**rectangle(x, 0, 10, 10, rectanglelabels=labels_of), "from_name": "box"}
        for x, labels_of in ((0, ["Cat"]), (40, []), (80, ["Dog"]))
    ]
    config = (
        '<View><Image name="image" value="$image"/>'
        f'<BrushLabels name="brush" toName="image">{labels}</BrushLabels>'
        f'<RectangleLabels name="box" toName="image">{labels}</RectangleLabels></View>'
    )
    found = click(predict(config, *boxes), multi_box="each")
    assert [output.labels for output in found.outputs] == [("Cat",), ("Dog",), ("Dog",)]
    assert {output.from_name for output in found.outputs} == {"brush"}
    [last] = click(predict(config, *boxes)).outputs
    assert last.labels == ("Dog",)


def test_prompts_that_name_no_image_are_on_their_controls_image() -> None:
    two = CONFIG.replace("<View>", '<View><Image name="other" value="$other"/>')
    prompt = {**keypoint(1, 1), "to_name": None}
    assert click(predict(two, prompt)).outputs[0].to_name == "image"
    assert click(predict(CONFIG, {**prompt, "from_name": None})).outputs[0].to_name == "image"
    assert isinstance(read_click(predict(two, {**prompt, "from_name": None}), draw), Nothing)


def test_a_task_is_needed_and_a_config() -> None:
    context = {"result": [keypoint(1, 1)]}
    with pytest.raises(BadRequest, match="no task"):
        read_click(
            read_predict(encoded({"tasks": [], "label_config": CONFIG, "params": {"context": context}})), draw
        )
    body = read_predict(encoded({"tasks": [{"id": 1}], "params": {"context": context}}))
    with pytest.raises(BadLabelConfig):
        read_click(body, draw)
    assert read_images(body, 10) == []


def test_images_to_warm_are_told_once() -> None:
    tasks = [
        {"id": 1, "data": {"image": "a"}},
        {"id": 1, "data": {"image": "a"}},
        {"id": 2, "data": {"image": "b"}},
    ]
    body = read_predict(encoded({"tasks": tasks, "label_config": CONFIG}))
    assert [image.value for image in read_images(body, 10)] == ["a", "b"]


def test_only_so_many_tasks_are_looked_through() -> None:
    """A body of 256 KiB has room for 14,000 tasks, and a config for 7,000 images."""
    images = "".join(f'<Image name="a{number}" value="$a{number}"/>' for number in range(100))
    tasks = [{"id": number, "data": {"a99": str(number)}} for number in range(200)]
    body = read_predict(encoded({"tasks": tasks, "label_config": f"<View>{images}</View>"}))
    assert [image.value for image in read_images(body, 1000)] == [str(number) for number in range(100)]


IMAGES = [f'<Image name="a{number}" value="{{}}"/>'.format for number in range(100)]


@pytest.mark.parametrize(
    ("config", "data"),
    [
        (view(*(image("$list") for image in IMAGES)), {"list": [0] * 999}),
        (view(*(image(f"{number}$text") for number, image in enumerate(IMAGES))), {"text": "x" * 2**19}),
        (view('<Repeater on="$list"><Image name="a" value="$none"/></Repeater>'), {"list": [0] * 999}),
        (
            view(
                '<Repeater on="$list">',
                *['<Repeater on="$none"><Image name="a"/></Repeater>'] * 9,
                "</Repeater>",
            ),
            {"list": [0] * 99},
        ),
    ],
    ids=["lists", "texts", "rounds", "rounds of nothing"],
)
def test_images_are_looked_for_as_long_as_it_is_cheap(
    config: str, data: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: list[int] = []
    spend = Budget.spend

    def noted(budget: Budget, units: int) -> None:
        spent.append(units)
        spend(budget, units)

    monkeypatch.setattr(Budget, "spend", noted)
    body = read_predict(
        encoded({"tasks": [{"id": n, "data": data} for n in range(100)], "label_config": config})
    )
    read_images(body, 1000)
    given = 100 * len(encoded(data)) // 1024
    assert LOOK_UPS < sum(spent) <= LOOK_UPS + given + 1024


def test_what_a_repeater_makes_besides_images_costs_nothing_to_warm_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    monkeypatch.setattr(repeater, "Control", lambda *given: made.append(given[1]))
    assert [image.value for image in read_images(predict(REPEATED, data=URLS), 9)] == ["a", "b"]
    assert made == []


def test_the_setting_for_pictures_holds_for_what_a_browser_shows() -> None:
    assert isinstance(
        read_click(predict(CONFIG, keypoint(1, 1)), draw, ReadOptions(max_image_megapixels=0.02)), Click
    )
    with pytest.raises(BadPrompt, match=r"over 0\.019 megapixels"):
        read_click(predict(CONFIG, keypoint(1, 1)), draw, ReadOptions(max_image_megapixels=0.019))


def test_why_there_is_no_region_names_the_control() -> None:
    assert "too small for a region of <BrushLabels>" in no_region(click(predict(CONFIG, keypoint(1, 1))))
