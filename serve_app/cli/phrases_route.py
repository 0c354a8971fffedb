"""The ``/phrases`` route as commands speak with it: phrases there, what they mean to the detector back."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from label_studio.ml_backends import Backend
from serve_app.cli.backend_client import Route, TaskFailed, plain_line
from serve_app.cli.common_options import CommandError
from values.errors import BadPrompt


class _Answer(msgspec.Struct):
    finder: str
    vectors: list[list[float]]


class PhrasesRoute(Route):
    """The ``/phrases`` route of a backend. ``stopped``, once set, ends every wait for another attempt."""

    def __init__(self, backend: Backend, stopped: threading.Event | None = None) -> None:
        super().__init__(backend, "/phrases", 1, stopped or threading.Event())

    def read(self, phrases: Sequence[str]) -> tuple[str, NDArray[np.float32]]:
        """The version of the detector there, and (Q, D) the query of each of the phrases.

        Raises CommandError for a phrase that the detector cannot read, and where there is none.
        """
        try:
            answer = self.ask({"phrases": phrases})
        except TaskFailed as error:
            raise CommandError(error.sentence) from None
        try:
            read = msgspec.convert(answer, _Answer)
            with np.errstate(over="ignore"):
                vectors = np.array(read.vectors, np.float32)
        except (msgspec.ValidationError, ValueError):
            raise self._not_read() from None
        if vectors.ndim != 2 or len(vectors) != len(phrases) or not np.isfinite(vectors).all():
            raise self._not_read()
        return plain_line(read.finder), vectors

    def refused(self, status: int, code: str, detail: str) -> Exception:
        """What a refusal with that status means: that of a phrase, or of every one."""
        return CommandError(detail if code == BadPrompt.code else f"{self.url} reads no phrases: {detail}")

    def _not_read(self) -> CommandError:
        return CommandError(self.bad_answer().sentence)
