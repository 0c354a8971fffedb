"""The ``/embed`` route as `precompute` speaks with it: one task sent, the state of its images back."""

from __future__ import annotations

import threading

from serve_app.cli.backend_client import Route
from serve_app.cli.connect.connection import Backend
from serve_app.cli.label_studio import ConnectError
from serve_app.cli.precompute.answers import Image, read_image
from serve_app.cli.precompute.tasks import Task


class Encoder(Route):
    """The ``/embed`` route of a backend. ``embed`` may be called from several threads at once."""

    def __init__(self, backend: Backend, at_once: int, stopped: threading.Event) -> None:
        super().__init__(backend, "/embed", at_once, stopped)
        self._proven = False

    def embed(self, task: Task) -> list[Image]:
        """See to it that the images of the task are stored; an entry for each, none for a task without.

        Raises what ``serve_app.cli.backend_client.Route.ask`` raises.
        """
        answer = self.ask(task.body())
        try:
            images = [read_image(each) for each in answer["results"]]
        except (KeyError, TypeError, ValueError):
            raise self.bad_answer() from None
        if any(image.state != "failed" for image in images):
            self._proven = True
        return images

    def refused(self, status: int, code: str, detail: str) -> Exception:
        """What a refusal with that status means."""
        if status == 400 and not self._proven:
            # It stores nothing at all; once it has stored something, a 400 is about the task.
            return ConnectError(detail)
        return super().refused(status, code, detail)
