"""A line in Label Studio's editor in which annotators read why a click got no mask.

The editor shows nothing of a backend's error. A result for a ``<TextArea>`` that comes in place of regions
it takes at once, as no suggestion (``ClassificationArea`` of web/libs/editor), and shows its words. These
are stored with the annotation, so a project has to have such a control, by this name, to be told anything.
"""

from __future__ import annotations

import secrets

from protocol.bodies.predict import PredictBody
from protocol.item_fields import TEXT, Fields
from protocol.label_config import NOTE, parse
from values.click_answer import Region
from values.errors import BadLabelConfig, BadPrompt, BadRequest
from values.one_line import sentence


def editor_note(body: PredictBody, words: str) -> list[Region]:
    """The result that shows ``words`` to whoever clicked, "" to take older ones away; none without a line.

    ``body``: of the click, whose labeling config has been read before.
    """
    try:
        images = parse(body.label_config).notes if body.label_config and body.items else ()
    except BadLabelConfig:
        return []
    if not images:
        return []
    clicked = _image_of(body)
    return [
        {
            "id": secrets.token_urlsafe(9),
            "from_name": NOTE,
            "to_name": clicked if clicked in images else images[0],
            "type": "textarea",
            "value": {"text": [sentence(words)] if words else []},
        }
    ]


def _image_of(body: PredictBody) -> str:
    """The name of the image that was clicked on last."""
    try:
        return Fields("", {"to_name": body.items[-1].to_name}).get("to_name", TEXT) or ""
    except (BadPrompt, BadRequest):
        return ""
