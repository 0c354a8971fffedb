"""What the bodies of requests and answers hold, in JSON Schema, by their names in openapi.json."""

from __future__ import annotations

from typing import Any

from protocol.bodies.preannotate import EXAMPLE_LIMIT
from protocol.phrases import PHRASE_CHARACTERS, PHRASE_LIMIT
from values.options import GRID_LIMIT

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """The schema of that name in ``SCHEMAS``."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **more}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None, **more: Any) -> Schema:
    """An object. It may have further keys, which are skipped."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "required": list(required), "properties": properties, **more}


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
PERCENT = {**NUMBER, "description": "percent of the picture"}
_SIDE: Schema = {"type": "integer", "minimum": 1}
_ID: Schema = {"type": ["integer", "string", "null"]}
_PROJECT = _said(
    {"type": ["integer", "number", "string", "null"]}, "Label Studio's `<id>.<creation time>`, or an id"
)
_CONFIG = _said({"type": ["string", "null"]}, "the labeling config's XML; without it that of the last /setup")
_SCORE = {**NUMBER, "minimum": 0, "maximum": 1}

_PHRASES = {
    "items": {**TEXT, "minLength": 1, "maxLength": PHRASE_CHARACTERS},
    "minItems": 1,
    "maxItems": PHRASE_LIMIT,
}

_PROMPT_VALUE = record(
    {},
    {
        **dict.fromkeys(("x", "y", "width", "height", "radiusX", "radiusY"), PERCENT),
        "rotation": _said(NUMBER, "degrees, clockwise"),
        "points": _said(array(array(NUMBER)), "a polygon's corners, percent"),
        "rle": _said(array(WHOLE), "a brush mask in Label Studio's RLE"),
        "maskDataURL": _said(TEXT, "a brush mask as a PNG in a data: URL"),
        "imageDataURL": _said(TEXT, "a bitmask as a PNG in a data: URL, on where it is opaque"),
    },
)

_PROMPT = record(
    {"type": _said(TEXT, "`keypointlabels`, `rectanglelabels`, `brushlabels`, …; other kinds are skipped")},
    {
        "id": _ID,
        "value": _PROMPT_VALUE,
        "from_name": _said(TEXT, "the control it was drawn with"),
        "to_name": _said(TEXT, "the <Image> it is on"),
        "original_width": _said(
            _SIDE, "of the picture as the client shows it; the mask comes back at that size"
        ),
        "original_height": _SIDE,
        "image_rotation": WHOLE,
        "is_positive": _said(FLAG, "of a keypoint: false takes something out of the mask"),
        "item_index": WHOLE,
    },
)

_FAILURE = record(
    {
        **dict.fromkeys(("project", "task", "route", "code", "sentence", "request_id"), TEXT),
        "status": WHOLE,
        "at": _said(NUMBER, "Unix seconds"),
    }
)

_SAVED = record(
    {
        "project": TEXT,
        "task": _ID,
        "annotation": WHOLE,
        "said": _said(TEXT, "what was saved without a mask"),
        "certain": _said(FLAG, "whether a mask is missing for sure"),
        "remedy": TEXT,
        "link": _said({"type": ["string", "null"]}, "where Label Studio opens the task"),
        "at": _said(NUMBER, "Unix seconds"),
    }
)

_MODEL = record(
    {"model": TEXT, "model_version": TEXT, "fallback": FLAG, "reason": TEXT, "advice": TEXT}
    | {"finder": _said(TEXT, "the version of the detector that finds things, or none")},
    description="Which model serves, and why.",
)

SCHEMAS: dict[str, Schema] = {
    "Error": record({"error": _said(TEXT, "a code"), "detail": _said(TEXT, "a sentence with the remedy")}),
    "Task": record({}, {"id": _ID, "data": {"type": ["object", "null"]}}),
    "Prompt": _PROMPT,
    "Tasks": record(
        {"tasks": array(ref("Task"), maxItems=10_000)}, {"project": _PROJECT, "label_config": _CONFIG}
    ),
    "AnnotatedTasks": record(
        {"tasks": array(ref("AnnotatedTask"), maxItems=100)},
        {
            "project": _PROJECT,
            "label_config": _CONFIG,
            "everything": {
                "type": ["object", "null"],
                "properties": {
                    "points_per_side": {"type": ["integer", "null"], "minimum": 1, "maximum": GRID_LIMIT}
                },
                "description": "masks of all that a grid of clicks finds, in place of masks of boxes",
            },
            "find": {
                "type": ["object", "null"],
                "properties": {
                    "phrases": {
                        "type": ["array", "null"],
                        **_PHRASES,
                        "description": "what things are called; without them the labels of the config",
                    },
                    "threshold": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                    "like": array(ref("Example"), maxItems=EXAMPLE_LIMIT),
                    "not_like": array(ref("Example"), maxItems=EXAMPLE_LIMIT),
                },
                "description": "masks of things that phrases name, or that look like examples, not of boxes",
            },
        },
    ),
    "Example": record(
        {
            "image": _said(TEXT, "where the picture is, as the data of its task say"),
            "box": array(
                NUMBER, minItems=4, maxItems=4, description="x0, y0, x1, y1, fractions of the picture"
            ),
        },
        {"task": _ID, "label": _said({"type": ["string", "null"]}, "of what looks like it")},
    ),
    "AnnotatedTask": record(
        {},
        {
            "id": _ID,
            "data": {"type": ["object", "null"]},
            "annotations": {"type": ["array", "null"], "items": ref("Stored")},
            "predictions": {"type": ["array", "null"], "items": ref("Stored")},
        },
    ),
    "Stored": record(
        {"result": _said({}, "regions, as Label Studio stores them")},
        {
            "id": _said(WHOLE, "the highest is the newest"),
            "was_cancelled": _said(
                {"type": ["boolean", "null"]}, "of an annotation: a skip, which has no boxes"
            ),
            "model_version": _said({"type": ["string", "null"]}, "of a prediction"),
        },
    ),
    "Predict": record(
        {"tasks": array(ref("Task"), maxItems=10_000)},
        {
            "project": _PROJECT,
            "label_config": _CONFIG,
            "params": {
                "type": ["object", "null"],
                "properties": {
                    "login": {"type": ["string", "null"]},
                    "password": {"type": ["string", "null"]},
                    "context": {
                        "type": ["object", "null"],
                        "properties": {
                            "result": _said(
                                {"type": ["array", "null"], "items": ref("Prompt"), "maxItems": 5000},
                                "the prompts, oldest first; without any nothing is answered, and the images "
                                "are encoded ahead",
                            )
                        },
                    },
                },
            },
        },
    ),
    "Region": record(
        {
            **dict.fromkeys(("id", "from_name", "to_name", "type"), TEXT),
            "original_width": _SIDE,
            "original_height": _SIDE,
            "image_rotation": WHOLE,
            "value": _said({"type": "object"}, "as Label Studio stores it for a control of that type"),
            "score": _SCORE,
            "readonly": FLAG,
        },
        {"item_index": WHOLE},
    ),
    "Predictions": record(
        {
            "results": array(
                {
                    "anyOf": [
                        record({"model_version": TEXT, "score": _SCORE, "result": array(ref("Region"))}),
                        _said(array({}, maxItems=0), "where no mask was asked for: nothing to store"),
                    ]
                },
                description="one for each task; those of a click are of the first",
            )
        }
    ),
    "Setup": record(
        {},
        {
            "project": _PROJECT,
            "schema": _said({"type": ["string", "null"]}, "the labeling config's XML"),
            "hostname": _said({"type": ["string", "null"]}, "where Label Studio is"),
            "access_token": _said({"type": ["string", "null"]}, "used with USE_SETUP_TOKEN alone"),
        },
    ),
    "SetUp": record({"model_version": TEXT, "warnings": array(TEXT)}),
    "Embedded": record(
        {
            "results": array(
                record(
                    {
                        "task": {"type": ["integer", "null"]},
                        "state": {"enum": ["encoded", "stored", "failed"]},
                    },
                    {"error": TEXT, "detail": TEXT},
                )
            )
        }
    ),
    "Preannotated": record(
        {
            "results": array(
                record(
                    {
                        "task": _ID,
                        "boxes": WHOLE,
                        "masks": WHOLE,
                        "model_version": TEXT,
                        "score": _said(_SCORE, "the mean of the masks'"),
                        "result": array(ref("Region")),
                        "made": array(
                            record({"region": TEXT, "results": WHOLE, "score": _SCORE}),
                            description="each box with a mask: how many of `result` are its, in their order",
                        ),
                        "left_out": array(
                            record({"region": TEXT, "error": TEXT, "detail": TEXT}),
                            description="boxes without a mask; an empty `region` is a whole image or task",
                        ),
                    }
                ),
                description="one for each task",
            )
        }
    ),
    "Phrases": record({"phrases": {"type": "array", **_PHRASES}}),
    "PhraseVectors": record(
        {
            "finder": _said(TEXT, "the version of the detector"),
            "phrases": array(TEXT, description="those of the request as they were read, each once"),
            "vectors": array(array(NUMBER), description="one of length 1 for each phrase"),
        }
    ),
    "Forgotten": record({"forgotten": WHOLE}),
    "Event": record(
        {"action": _said(TEXT, "such as ANNOTATION_CREATED")},
        {
            "project": {"type": ["object", "integer", "string", "null"]},
            "task": {"anyOf": [ref("Task"), {"type": "null"}]},
            "tasks": {"type": ["array", "null"], "items": ref("Task")},
            "annotation": _said({}, "what was submitted or updated"),
            "annotations": _said({}, "what was deleted: objects with an `id`"),
        },
    ),
    "EventTaken": record({"status": TEXT}, {"result": {"type": "null"}}),
    "Health": {"allOf": [record({"status": {"const": "UP"}, "model_class": TEXT}), ref("Model")]},
    "Model": _MODEL,
    "Versions": record({"versions": array(TEXT), "message": TEXT}),
    "Nothing": {"type": "object", "maxProperties": 0},
    "Failure": _FAILURE,
    "SavedWithoutMask": _SAVED,
    "Retrieved": record({"project": TEXT, "said": TEXT, "at": _said(NUMBER, "Unix seconds")}),
    "Diagnosis": record(
        {
            "model": ref("Model"),
            "models": _said(TEXT, "whether decoder and encoder answer"),
            "label_studio": _said(TEXT, "whether it is reached"),
            "recent_failures": _said(
                {"type": ["object", "string"]},
                "failures by project, the newest first; for whoever asks from elsewhere without a password, "
                "how often each code came",
            ),
        },
        {
            "labeling_config_warnings": {"type": ["object", "string"]},
            "saved_without_mask": _said(
                {"type": ["object", "string"], "additionalProperties": array(ref("SavedWithoutMask"))},
                "by project: annotations that were submitted with prompts and without their mask",
            ),
            "retrieved_predictions": _said(
                {"type": ["object", "string"], "additionalProperties": array(ref("Retrieved"))},
                "by project: what became of requests to retrieve predictions, the newest first",
            ),
            "answers": record(
                {
                    "models": FLAG,
                    "label_studio": _said({"type": ["boolean", "null"]}, "null where none is set"),
                }
            ),
            "links": _said({"type": "object"}, "where Ray's dashboard and Prometheus' configuration are"),
            "more": TEXT,
        },
    ),
}
"""By the name that the description gives each."""
