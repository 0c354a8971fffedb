"""The application with a detector whose answer is known: ``import_path: testing.colour_finder:build``.

`python -m testing.colour_finder search …` is the command line that knows this detector.
"""

# No `from __future__ import annotations` here: Ray reads the type of build's argument to validate `args:`.
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from ray.serve import Application

from finders.catalogue import FINDERS
from serve_app import __main__ as command_line
from serve_app import app
from serve_app.settings import Settings
from testing.weights import colour_detector


@contextmanager
def _known() -> Iterator[None]:
    known = cast(dict[str, Any], FINDERS)
    published = known[colour_detector.NAME]
    known[colour_detector.NAME] = colour_detector.model()
    try:
        yield
    finally:
        known[colour_detector.NAME] = published


def build(settings: Settings) -> Application:
    """As ``serve_app.app.build``. ``colour_detector.write`` has been called with its ``MODEL_DIR``."""
    with _known():
        return app.build(settings)


if __name__ == "__main__":
    with _known():
        command_line.main()
