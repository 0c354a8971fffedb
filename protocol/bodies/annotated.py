"""Tasks with their annotations and predictions, as Label Studio sends them when it retrieves predictions.

What people and other models stored may have any shape: what is not as expected is passed over, because a
request is about a whole selection of tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from protocol.bodies.annotation import REGION_LIMIT, AnnotationId
from protocol.bodies.json_text import ABSENT, decode, decode_body
from protocol.bodies.task import Task, check_count, check_data
from values.errors import BadRequest


class AnnotatedTask(Task, frozen=True):
    """A task with its annotations and predictions, both undecoded: lists, or anything else for none."""

    annotations: msgspec.Raw = ABSENT
    predictions: msgspec.Raw = ABSENT


class DraftedTask(AnnotatedTask, frozen=True):
    """A task with the drafts of whoever works on it as well, undecoded."""

    drafts: msgspec.Raw = ABSENT


class Annotated(msgspec.Struct, frozen=True):
    """An annotation or a prediction. ``result``: undecoded."""

    id: AnnotationId = 0
    was_cancelled: bool | None = None
    model_version: str | None = None
    result: msgspec.Raw = ABSENT


class Result(msgspec.Struct, frozen=True):
    """What is looked at of one result before it is read: its kind."""

    type: str = ""


class _Tasks(msgspec.Struct):
    tasks: tuple[AnnotatedTask, ...]


_BESIDE = frozenset({"labels", "keypoint"})
"""Kinds of results that say more of a region than its shape, where they have its id."""


class _Drafted(msgspec.Struct):
    tasks: tuple[DraftedTask, ...]


_DRAFTED = msgspec.json.Decoder(_Drafted)
_TASKS = msgspec.json.Decoder(_Tasks)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_ANNOTATED = msgspec.json.Decoder(Annotated)
_RESULT = msgspec.json.Decoder(Result)


def read_annotated(body: bytes, where: str) -> tuple[AnnotatedTask, ...]:
    """The tasks of a request. Raises BadRequest as ``protocol.bodies.predict.read_predict`` does."""
    check_count(body, where)
    tasks = decode_body(body, _TASKS, where).tasks
    check_data(tasks, where)
    return tasks


def results_now(body: bytes, kinds: frozenset[str], where: str) -> tuple[msgspec.Raw, ...]:
    """The regions of ``kinds`` that are on the screen, as far as the first task of a request tells.

    Those are in the newest draft, or else in the task's annotation. Of several annotations nothing tells
    which of them is open. Raises BadRequest as ``read_annotated`` does.
    """
    tasks = decode_body(body, _DRAFTED, where).tasks
    if not tasks:
        return ()
    if drafted := newest_results(tasks[0].drafts, kinds, lambda each: True):
        return drafted
    if len(_list(tasks[0].annotations)) != 1:
        return ()
    return newest_results(tasks[0].annotations, kinds, lambda each: not each.was_cancelled)


def newest_results(
    listed: bytes | msgspec.Raw, kinds: frozenset[str], counts: Callable[[Annotated], bool]
) -> tuple[msgspec.Raw, ...]:
    """The results of the newest annotation or prediction with regions of ``kinds``, with labels and clicks.

    ``listed``: a list of either. ``kinds``: types of results without "labels" behind them. ``counts``:
    whether one is looked at. Empty where there is none, and where it has over ``REGION_LIMIT`` results.
    """
    for each in sorted(_annotated(listed), key=lambda each: each.id, reverse=True):
        if counts(each) and (found := _of_kinds(each.result, kinds)):
            return found
    return ()


def kind_of(name: str) -> str:
    """The kind of a result by its type: "rectangle" for "rectanglelabels", and "labels" for itself."""
    kind = name.lower()
    return kind if kind == "labels" else kind.removesuffix("labels")


def versions_in(listed: bytes | msgspec.Raw) -> frozenset[str]:
    """The model versions of a list of predictions."""
    return frozenset(each.model_version or "" for each in _annotated(listed))


def _annotated(listed: bytes | msgspec.Raw) -> Iterator[Annotated]:
    for raw in _list(listed):
        try:
            yield decode(raw, _ANNOTATED, "an annotation")
        except BadRequest:
            continue


def _of_kinds(result: msgspec.Raw, kinds: frozenset[str]) -> tuple[msgspec.Raw, ...]:
    if bytes(result).count(b"{") > 2 * REGION_LIMIT:  # each has an object of its own, and one for its value
        return ()
    items = [(raw, kind) for raw in _list(result) if (kind := _kind(raw)) in kinds or kind in _BESIDE]
    # Copies: what refers to the body keeps all of it, the masks of other annotations above all.
    found = tuple(raw.copy() for raw, _ in items)
    return found if any(kind in kinds for _, kind in items) else ()


def _kind(raw: msgspec.Raw) -> str:
    try:
        return kind_of(decode(raw, _RESULT, "a result").type)
    except BadRequest:
        return ""


def _list(raw: bytes | msgspec.Raw) -> Sequence[msgspec.Raw]:
    if bytes(memoryview(raw)[:1]) != b"[":
        return ()
    try:
        return decode(raw, _RAWS, "a list")
    except BadRequest:
        return ()
