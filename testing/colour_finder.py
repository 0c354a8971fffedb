"""The application with a detector whose answer is known: ``import_path: testing.colour_finder:build``."""

# No `from __future__ import annotations` here: Ray reads the type of build's argument to validate `args:`.
from typing import Any, cast

from ray.serve import Application

from finders.catalogue import FINDERS
from serve_app import app
from serve_app.settings import Settings
from testing.weights import colour_detector


def build(settings: Settings) -> Application:
    """As ``serve_app.app.build``. ``colour_detector.write`` has been called with its ``MODEL_DIR``."""
    known = cast(dict[str, Any], FINDERS)
    published = known[colour_detector.NAME]
    known[colour_detector.NAME] = colour_detector.model()
    try:
        return app.build(settings)
    finally:
        known[colour_detector.NAME] = published
