"""Label Studio's SAM example written anew, to be compared with: what it does on a request, in its order.

It runs as ``gunicorn --workers 1 --threads 8 --timeout 0 benchmarks.peer.example:app`` with PEER_MODEL,
PEER_CHECKPOINT and MODEL_DIR in its environment.

The example needs a newer framework than the index has: label-studio-ml 1.0.9 is one of 2023, with one model
object for all requests, and asks for Flask 1. So the framework's share of a request is here too: a model
object for each, the label config parsed, SQLite read and written, bodies formatted for a log that does not
want them. Where the example may do more (a client of Label Studio made for a token, answers validated), this
does less. torch, OpenCV, Flask and the SDK are newer than the example's pins.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from label_studio_sdk.label_interface import LabelInterface

from benchmarks.peer.key_values import KeyValues
from benchmarks.peer.network import predictor
from benchmarks.peer.one_image import OneImage
from benchmarks.peer.regions import prompt, region
from segmenters.models import ARCHITECTURES

VERSION = "SamMLBackend-v0.0.1"

_log = logging.getLogger(__name__)
_kept = KeyValues(Path(os.environ["MODEL_DIR"]) / "cache.db")
_predictor = OneImage(predictor(ARCHITECTURES[os.environ["PEER_MODEL"]], Path(os.environ["PEER_CHECKPOINT"])))

app = Flask(__name__)


class Model:
    """Made for each request."""

    def __init__(self, project: str, label_config: str) -> None:
        self._project = project
        self._interface = LabelInterface(config=label_config)
        if _kept.get(project, "label_config") != label_config:
            _kept.set(project, "label_config", label_config)
        _kept.get(project, "model_version")
        _kept.set(project, "model_version", VERSION)

    def predict(self, tasks: list[dict[str, Any]], context: dict[str, Any] | None) -> list[dict[str, Any]]:
        """One prediction for the first task, or none without a prompt."""
        control, image, value = self._interface.get_first_tag_occurence("BrushLabels", "Image")
        if not context or not context.get("result"):
            return []
        width, height = (context["result"][0][f"original_{side}"] for side in ("width", "height"))
        points, labels, box, label = prompt(context["result"], width, height)
        masks, scores = _predictor.masks(tasks[0]["data"][value], tasks[0], points, labels, box)
        about = {"from_name": control, "to_name": image, "original_width": width, "original_height": height}
        results = [region(*found, about, label) for found in zip(masks, scores, strict=True)]
        version = _kept.get(self._project, "model_version")
        return [{"result": results, "model_version": version, "score": sum(scores) / max(len(results), 1)}]


@app.get("/health")
def health() -> Response:
    """Whether it serves."""
    return jsonify({"status": "UP", "model_class": "SamMLBackend"})


@app.post("/predict")
def predict() -> Response:
    """Answer a click."""
    body = request.json
    params = body.get("params", {})
    model = Model(str(body.get("project")).split(".", 1)[0], body["label_config"])
    return jsonify({"results": model.predict(body["tasks"], params.pop("context", {}))})


@app.errorhandler(Exception)
def failed(error: Exception) -> tuple[Response, int]:
    """Every error is a 500."""
    _log.exception("a request failed")
    return jsonify({"status": 500, "detail": f"{type(error).__name__}: {error}"}), 500


@app.before_request
def log_request() -> None:
    """Format the body, whatever the log's level."""
    _log.debug(f"Request body: {request.get_data()!r}")


@app.after_request
def log_response(response: Response) -> Response:
    """Format the answer, whatever the log's level."""
    _log.debug(f"Response body: {response.get_data()!r}")
    return response
