"""Requests that Label Studio 1.23.2 really sent, and builders for those it did not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from protocol.bodies.predict import Item, PredictBody, read_predict
from protocol.variables import TaskData
from testing.label_studio_requests import CAPTURES

EDITOR: Any = json.loads((Path(__file__).parent / "editor.json").read_text())
"""What the front end of Label Studio 1.23.2 made of values and repeaters: its own functions that look up a
value and that read the config were run, out of its bundle, under Node."""

INTERACTIVE = (
    "api_positive",
    "api_positive_negative",
    "api_rectangle",
    "api_exif6",
    "api_local_files",
    "api_http",
    "browser_positive",
    "browser_negative",
    "browser_third",
    "browser_other_label",
    "browser_rectangle",
    "browser_after_accept",
)
WITHOUT_PROMPTS = ("api_nothing", "api_without_context", "open_task", "retrieve_predictions")


def capture(name: str) -> Any:
    """The JSON of one captured request body."""
    return json.loads(capture_bytes(name))


def capture_bytes(name: str) -> bytes:
    return (CAPTURES / f"{name}.json").read_bytes()


def encoded(content: object) -> bytes:
    return json.dumps(content).encode()


def item(kind: str, value: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A context item on a 200 x 100 image."""
    return {
        "type": kind,
        "value": value,
        "original_width": 200,
        "original_height": 100,
        "image_rotation": 0,
        "to_name": "image",
        "from_name": "prompt",
        **fields,
    }


def items(*given: dict[str, Any]) -> list[Item]:
    return msgspec.json.decode(json.dumps(given), type=list[Item])


def keypoint(x: float, y: float, **fields: Any) -> dict[str, Any]:
    return item("keypointlabels", {"x": x, "y": y, "width": 0.3, "keypointlabels": ["Object"]}, **fields)


def rectangle(x: float, y: float, width: float, height: float, **value: Any) -> dict[str, Any]:
    corners = {"x": x, "y": y, "width": width, "height": height}
    return item("rectanglelabels", {**corners, "rectanglelabels": ["Object"], **value})


def predict(config: str, *given: dict[str, Any], data: object = None) -> PredictBody:
    """A /predict body for one task with these prompts."""
    task = {"id": 7, "data": {"image": "/data/upload/1/a.png"} if data is None else data}
    context = {"result": list(given)}
    return read_predict(
        encoded({"tasks": [task], "project": "3.17", "label_config": config, "params": {"context": context}})
    )


def task_data(data: object) -> TaskData:
    """The data of a task with the id 7."""
    [task] = read_predict(encoded({"tasks": [{"id": 7, "data": data}]})).tasks
    return TaskData(task)


IMAGE = '<Image name="image" value="$image"/>'


def control(tag: str, name: str, *labels: str, attributes: str = 'toName="image"') -> str:
    """A control tag of a labeling config."""
    inside = "".join(f'<Label value="{label}"/>' for label in labels)
    return f'<{tag} name="{name}" {attributes}>{inside}</{tag}>'


def view(*parts: str) -> str:
    """A labeling config."""
    return f"<View>{''.join(parts)}</View>"
