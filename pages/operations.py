"""What each route takes and answers: the words and schemas of the interface's description."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pages.schemas import Schema, ref

_CONFIG = (
    '<View><Image name="image" value="$image"/>'
    '<BrushLabels name="mask" toName="image"><Label value="Object"/></BrushLabels>'
    '<KeyPointLabels name="click" toName="image"><Label value="Object"/></KeyPointLabels></View>'
)
_TASKS: dict[str, Any] = {
    "tasks": [{"id": 1, "data": {"image": "https://example.com/cat.jpg"}}],
    "project": "3.1700000000",
    "label_config": _CONFIG,
}
_BOX = {
    "id": "b1",
    "type": "rectanglelabels",
    "from_name": "box",
    "to_name": "image",
    "original_width": 640,
    "original_height": 480,
    "value": {"x": 20.0, "y": 10.0, "width": 50.0, "height": 70.0, "rectanglelabels": ["Object"]},
}
_BOXED: dict[str, Any] = {
    **_TASKS,
    "tasks": [{**_TASKS["tasks"][0], "annotations": [{"id": 1, "result": [_BOX]}]}],
}
_CLICK = {
    "id": "c1",
    "type": "keypointlabels",
    "from_name": "click",
    "to_name": "image",
    "original_width": 640,
    "original_height": 480,
    "image_rotation": 0,
    "is_positive": True,
    "value": {"x": 50.0, "y": 40.0, "width": 0.5, "keypointlabels": ["Object"]},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a route.

    ``takes``: the schema of its body. ``gives``: that of its answer, by status; None where that is no JSON
    but of ``media_type``. ``example``: a body that it takes. ``query``: parameters with their meaning.
    ``refuses``: statuses of its refusals, besides that of a missing password.
    """

    summary: str
    gives: dict[int, Schema | None]
    takes: Schema | None = None
    example: Any = None
    query: dict[str, str] = field(default_factory=dict)
    media_type: str = "text/html"
    refuses: tuple[int, ...] = ()


_OF_IMAGES = (403, 404, 413, 415, 422, 502, 503, 504)

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/"): Operation("As /health; for browsers a page that says the same.", {200: ref("Health")}),
    ("GET", "/health"): Operation(
        "Which model serves, and why. Answers while models load.", {200: ref("Health")}
    ),
    ("POST", "/setup"): Operation(
        "A project connects, or its labeling config was changed: what the config lacks.",
        {200: ref("SetUp")},
        ref("Setup"),
        {"project": "3.1700000000", "schema": _CONFIG, "hostname": "http://label-studio:8080"},
        refuses=(400, 413),
    ),
    ("POST", "/predict"): Operation(
        "A click becomes regions; without a prompt nothing is answered, and the images are encoded ahead.",
        {200: ref("Predictions")},
        ref("Predict"),
        {**_TASKS, "params": {"context": {"result": [_CLICK]}}},
        refuses=(400, *_OF_IMAGES),
    ),
    ("POST", "/embed"): Operation(
        "The images are encoded into the durable tier, and the answer waits for it.",
        {200: ref("Embedded")},
        ref("Tasks"),
        _TASKS,
        query={"find": "true: a detector looks at the images as well, and what it sees is kept"},
        refuses=(400, *_OF_IMAGES),
    ),
    ("POST", "/preannotate"): Operation(
        "The boxes of tasks become masks, or everything or some things in their pictures, behind all clicks.",
        {200: ref("Preannotated")},
        ref("AnnotatedTasks"),
        _BOXED,
        refuses=(400, 413, 422, 503, 504),
    ),
    ("POST", "/phrases"): Operation(
        "What phrases mean to the detector: a vector for each.",
        {200: ref("PhraseVectors")},
        ref("Phrases"),
        {"phrases": ["cat", "traffic light"]},
        refuses=(400, 413, 422, 503, 504),
    ),
    ("POST", "/forget"): Operation(
        "The embeddings of the images are purged; how many there were.",
        {200: ref("Forgotten")},
        ref("Tasks"),
        _TASKS,
        refuses=(400, 413, 422, 503, 504),
    ),
    ("POST", "/webhook"): Operation(
        "Something happened in a project: 201 for annotations and training, 200 for what is not acted upon.",
        {200: ref("EventTaken"), 201: ref("EventTaken")},
        ref("Event"),
        {"action": "ANNOTATION_CREATED", "project": {"id": 3}, "task": {"id": 1, "data": {}}},
        refuses=(400, 413),
    ),
    ("GET", "/versions"): Operation("The model's version.", {200: ref("Versions")}),
    ("GET", "/metrics"): Operation(
        "Nothing, as Label Studio's example backends answer; Prometheus reads Ray's own exporter.",
        {200: ref("Nothing")},
    ),
    ("GET", "/diagnose"): Operation(
        "What answers; of each project the last failures, the warnings and what was saved without a mask. "
        "For browsers a page of that.",
        {200: ref("Diagnosis")},
        query={"project": "the id of the one project to tell of"},
    ),
    ("GET", "/playground"): Operation("A page: try the model on a picture of your own.", {200: None}),
    ("GET", "/docs"): Operation("A page: this description.", {200: None}),
    ("GET", "/pages/{name}"): Operation(
        "A file of the pages.", {200: None}, media_type="text/css", refuses=(404,)
    ),
    ("GET", "/openapi.json"): Operation("This description, in OpenAPI 3.1.", {200: {"type": "object"}}),
}
"""By method and path, as OpenAPI writes paths."""
