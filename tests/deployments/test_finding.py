"""All things of a kind by a word or by an example, over HTTP, with a detector whose answer is known."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from protocol import brush_rle
from testing.applications import Json
from testing.finding_application import HEIGHT, WIDTH
from testing.image_files import data_url
from testing.label_studio_requests import predict_body
from testing.weights import colour_detector

pytestmark = pytest.mark.cluster

SPOTS = [("red", 3, 4), ("red", 10, 8), ("green", 16, 3), ("blue", 20, 12), ("red", 20, 4)]
CONFIG = (
    '<View><Image name="image" value="$image"/><TextArea name="find" toName="image"/>'
    '<RectangleLabels name="like" toName="image" model_find="true" smart="true"><Label value="Spot"/>'
    '<Label value="Berry"/></RectangleLabels><BrushLabels name="brush" toName="image"><Label value="Spot"/>'
    '<Label value="Berry" predicted_values="red"/></BrushLabels></View>'
)


def ask(url: str, *items: Json, drafts: Any = None) -> Any:
    """The regions of an answer."""
    body = predict_body(data_url(colour_detector.picture(SPOTS)), context={"result": list(items)})
    body["label_config"] = CONFIG
    body["tasks"][0]["drafts"] = drafts or []
    answer = httpx.post(f"{url}/predict", json=body, timeout=100, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"][0]


def words(*phrases: str) -> Json:
    value = {"text": list(phrases)}
    return {"type": "textarea", "id": "t", "from_name": "find", "to_name": "image", "value": value}


def places(found: Any, label: str) -> set[tuple[int, int]]:
    """The middles of the regions with a label, in patches; each region is a spot."""
    middles = set()
    for region in found["result"]:
        assert 0.2 < region["score"] <= 1
        mask = brush_rle.decode(bytes(region["value"]["rle"]), HEIGHT, WIDTH)
        rows, columns = np.nonzero(mask)
        assert 0.7 < len(rows) / (np.pi * (colour_detector.PATCH / 2) ** 2) < 1.3
        if region["value"]["brushlabels"] == [label]:
            middle = np.array([columns.mean(), rows.mean()]) / colour_detector.PATCH
            assert np.allclose(middle, middle.round(), atol=0.1)
            middles.add((round(middle[0]), round(middle[1])))
    return middles


def spots(colour: str) -> set[tuple[int, int]]:
    return {(x, y) for name, x, y in SPOTS if name == colour}


def test_words_find_what_they_name_and_an_example_its_like(finds: str, app: Any) -> None:
    found = ask(finds, words("red, green"))
    assert places(found, "Berry") == spots("red")
    assert places(found, "Spot") == spots("green")
    assert found["model_version"].startswith("owlv2_base-")
    assert ask(finds, words(""))["result"] == []
    assert ask(finds, words("house"))["result"] == []
    drafts = [{"id": 1, "result": found["result"]}]
    used = drafts[0]["result"][-1]["value"]["brushlabels"][0]
    assert places(ask(finds, words("red", "blue"), drafts=drafts), used) == spots("blue")
    box = {
        "type": "rectanglelabels",
        "id": "like",
        "from_name": "like",
        "to_name": "image",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "value": {"x": 39.6, "y": 46.9, "width": 4.2, "height": 6.2, "rectanglelabels": ["Spot"]},
    }
    assert places(ask(finds, box), "Spot") == spots("red")
    assert (
        httpx.get(f"{finds}/health", timeout=10, trust_env=False).json()["finder"].startswith("owlv2_base-")
    )
    assert httpx.get(f"{app.url}/health", timeout=10, trust_env=False).json()["finder"] == "none"


def preannotated(url: str, find: Json, *regions: Json) -> Any:
    """What /preannotate answers for the picture, with these regions annotated."""
    body = predict_body(data_url(colour_detector.picture(SPOTS)))
    body["label_config"], body["find"] = CONFIG, find
    body["tasks"][0]["annotations"] = [{"id": 1, "result": list(regions)}]
    answer = httpx.post(f"{url}/preannotate", json=body, timeout=100, trust_env=False)
    assert answer.status_code == 200, answer.text
    [result] = answer.json()["results"]
    assert result["left_out"] == []
    return result


def test_whole_tasks_by_words_by_labels_and_by_examples_on_other_pictures(finds: str) -> None:
    found = preannotated(finds, {"phrases": ["red", "green"]})
    assert (places(found, "Berry"), places(found, "Spot")) == (spots("red"), spots("green"))
    assert (found["boxes"], found["masks"], len(found["made"])) == (0, 4, 4)
    assert found["model_version"].startswith("owlv2_base-")
    assert found["model_version"].endswith("+classical-3")
    assert places(preannotated(finds, {"phrases": ["red", "blue"]}, *found["result"]), "Spot") == spots(
        "blue"
    )
    labelled = preannotated(finds, {})
    assert (places(labelled, "Berry"), labelled["masks"]) == (spots("red"), 3)
    elsewhere = data_url(colour_detector.picture([("green", 10, 8), ("red", 16, 3)]))
    like = {"image": elsewhere, "box": [0.396, 0.469, 0.438, 0.531], "label": "Berry"}
    assert places(preannotated(finds, {"like": [like]}), "Berry") == spots("green")
    assert preannotated(finds, {"phrases": ["house"]})["masks"] == 0
