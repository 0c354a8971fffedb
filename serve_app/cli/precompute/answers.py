"""What a backend may answer to `precompute`, as values and as sentences for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from serve_app.cli.label_studio import Json

LONGEST_PAUSE_S = 60.0
"""The most a Retry-After is obeyed."""


@dataclass(frozen=True, slots=True)
class Image:
    """What became of one image of a task; ``code`` and ``sentence`` only where it failed."""

    state: Literal["stored", "encoded", "failed"]
    code: str = ""
    sentence: str = ""


class TaskFailed(Exception):
    """The backend answered, and not with the images of the task."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Unanswered(TaskFailed):
    """No answer to the task itself. There may be one later; ``after_s``: seconds the backend asked for."""

    def __init__(self, code: str, sentence: str, after_s: float = 0.0) -> None:
        super().__init__(code, sentence)
        self.after_s = after_s


def read_image(entry: Json) -> Image:
    """One entry of ``results``. Raises KeyError, TypeError or ValueError for anything else."""
    state = entry["state"]
    if state not in ("stored", "encoded", "failed"):
        raise ValueError(state)
    if state != "failed":
        return Image(state)
    return Image(
        state, _line(entry.get("error") or "failed"), _line(entry.get("detail") or "no reason given")
    )


def refusal(status: int, body: Mapping[str, Json]) -> tuple[str, str]:
    """(code, sentence) of a refusal with that status and JSON object, whoever it comes from."""
    phrase = next((each.phrase for each in HTTPStatus if each == status), "")
    detail = body.get("detail") or f"the backend answers HTTP {status} {phrase}"
    return _line(body.get("error") or f"http_{status}"), _line(detail)


def seconds_after(asked: str) -> float:
    """The seconds of a Retry-After header; 0 without one, or where it is a date."""
    return min(float(asked), LONGEST_PAUSE_S) if asked.isascii() and asked.isdigit() else 0.0


def _line(text: Json) -> str:
    """One line that a terminal shows as it is."""
    joined = " ".join(str(text).split())[:600]
    return "".join(each if each.isprintable() else "?" for each in joined)
