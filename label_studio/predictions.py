"""The predictions of Label Studio's tasks: what a model made of them, which people look at and take over.

Each has the version of its model with it, by which Label Studio's own pages tell them apart, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from label_studio.api import Refused
from label_studio.client import LabelStudio
from label_studio.tasks import patiently
from values.evidence import Content

_PREDICTIONS = "/api/predictions/"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is stored of a task. ``score``: in 0..1. ``result``: its regions, as JSON."""

    task: int
    model_version: str
    score: float
    result: bytes | msgspec.Raw

    def body(self, project: int) -> bytes:
        """As Label Studio's API takes it."""
        head = {
            "task": self.task,
            "project": project,
            "model_version": self.model_version,
            "score": self.score,
        }
        return json.dumps(head).encode()[:-1] + b', "result": ' + bytes(self.result) + b"}"


class _Stored(msgspec.Struct):
    id: int
    model_version: str | None = None


_LIST = msgspec.json.Decoder(list[_Stored])


def predictions_of(studio: LabelStudio, task: int) -> Content:
    """The predictions of a task, as Label Studio's JSON, a list. Raises what ``LabelStudio`` raises."""
    return patiently(_read, studio, task)


def ids_of_version(studio: LabelStudio, task: int, version: str) -> list[int]:
    """The predictions of a task that are of that model version, the oldest first; others are not named.

    Raises what ``LabelStudio`` raises.
    """
    return patiently(_ids, studio, task, version)


def delete_predictions(studio: LabelStudio, ids: Sequence[int]) -> None:
    """Delete these; one that is gone already is no failure. Raises what ``LabelStudio`` raises."""
    for each in ids:
        patiently(_delete, studio, each)


def store_once(studio: LabelStudio, project: int, prediction: Prediction, *, replace: bool = False) -> bool:
    """Store a prediction, unless one of its version is there; whether it is stored now.

    ``replace``: those of its version that are there are deleted first.

    Whatever happens on the way, there is one in the end and not two: before anything is sent, also once more,
    Label Studio is asked what it has, since a request that got no answer may have been done all the same.
    Raises what ``LabelStudio`` raises.
    """
    task, version = prediction.task, prediction.model_version
    there = ids_of_version(studio, task, version)
    if there and not replace:
        delete_predictions(studio, there[:-1])
        return False
    delete_predictions(studio, there)
    attempts = 0

    def send() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1 or not _ids(studio, task, version):
            studio.post_written(_PREDICTIONS, prediction.body(project))

    patiently(send)
    if attempts > 1:
        delete_predictions(studio, ids_of_version(studio, task, version)[:-1])
    return True


def _read(studio: LabelStudio, task: int) -> Content:
    return studio.read(_PREDICTIONS, task=task)


def _ids(studio: LabelStudio, task: int, version: str) -> list[int]:
    try:
        found = _LIST.decode(_read(studio, task))
    except msgspec.MsgspecError:
        raise studio.at.unlike("list predictions") from None
    return sorted(each.id for each in found if each.model_version == version)


def _delete(studio: LabelStudio, number: int) -> None:
    try:
        studio.delete(f"{_PREDICTIONS}{number}/")
    except Refused as error:
        if error.answered != 404:
            raise
