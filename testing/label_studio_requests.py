"""Requests as Label Studio 1.23 sends them, made from one that was captured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parent / "captures"


def captured(name: str) -> dict[str, Any]:
    """The body of a captured request."""
    body: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_text())
    return body


def predict_body(image: str | None = None, **params: Any) -> dict[str, Any]:
    """A positive click of the browser; ``context=None`` makes it an opened task."""
    body = captured("browser_positive")
    body["params"].update(params)
    if image is not None:
        body["tasks"][0]["data"]["image"] = image
    return body
