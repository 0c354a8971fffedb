"""The ``/embed`` route as `precompute` speaks with it: one task sent, the state of its images back."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from label_studio.ml_backends import Backend
from serve_app.cli.backend_client import Json, Route, plain_line
from serve_app.cli.common_options import CommandError
from serve_app.cli.precompute.task_sources import Task


@dataclass(frozen=True, slots=True)
class Image:
    """What became of one image of a task; ``code`` and ``sentence`` only where it failed."""

    state: Literal["stored", "encoded", "failed"]
    code: str = ""
    sentence: str = ""


class EmbedRoute(Route):
    """The ``/embed`` route of a backend. ``embed`` may be called from several threads at once.

    ``find``: a detector looks at the images as well.
    """

    def __init__(
        self, backend: Backend, at_once: int, stopped: threading.Event, *, find: bool = False
    ) -> None:
        super().__init__(backend, "/embed?find=true" if find else "/embed", at_once, stopped)
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
            return CommandError(detail)
        return super().refused(status, code, detail)


def read_image(entry: Json) -> Image:
    """One entry of ``results``. Raises KeyError, TypeError or ValueError for anything else."""
    state = entry["state"]
    if state not in ("stored", "encoded", "failed"):
        raise ValueError(state)
    if state != "failed":
        return Image(state)
    code, sentence = entry.get("error") or "failed", entry.get("detail") or "no reason given"
    return Image(state, plain_line(code), plain_line(sentence))
