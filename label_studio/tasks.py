"""The tasks of a project of Label Studio, in its own order: how they are asked for, and how they are listed.

``GET /api/tasks`` with a filter, as the data manager of Label Studio 1.23 asks: ordered by id, which is the
order of sequential sampling, and the data manager's unless somebody sorted it. Windows go on behind the last
id and not by page: tasks that are added or deleted meanwhile move nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar, TypeVarTuple
from urllib.parse import urlencode

import msgspec
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random
from tenacity.wait import WaitBaseT

from label_studio.api import Address, Json, LabelStudioError, Refused, checked
from label_studio.client import LabelStudio
from label_studio.credentials import ProjectTokens, get_with
from label_studio.options import LabelStudioOptions
from label_studio.site import Site
from net.addresses import AllowList
from net.host_places import HostPlaces
from net.resolver import Resolver, resolve
from net.transport import USER_AGENT, Net
from values.errors import ImageTimeout
from values.evidence import Content

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

TASKS = "/api/tasks"
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json"}

WINDOW = 100
"""Tasks asked for at once."""

_VERSIONS = "predictions_model_versions"
_HIDDEN = [
    f"tasks:{column}"
    for column in (
        *("annotators", "annotations_results", "annotations_ids", "avg_lead_time", "draft_exists"),
        *("predictions_score", "predictions_results", "file_upload", "storage_filename"),
    )
]
"""Columns that cost a look into other tables, and tell nothing that is wanted here."""

_VERSIONS_TOLD = 500
"""Characters of a task's model versions that Label Studio tells; the rest is cut off."""

BACK_OFF: WaitBaseT = wait_exponential(multiplier=1, max=16) + wait_random(0, 1)
ATTEMPTS = 8
"""A minute and some seconds, in which Label Studio is started anew. Of several threads all wait that long."""


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A task: its id, and its data as undecoded JSON.

    ``stored``: what is stored with it, None where that was not asked for.
    """

    id: int
    data: bytes
    stored: Stored | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored with a task.

    ``annotations``: how many, without skips. ``predictions``: how many. ``versions``: the model versions of
    the predictions, None where they are not known.
    """

    annotations: int
    predictions: int
    versions: frozenset[str] | None


class _Task(msgspec.Struct):
    id: int
    data: msgspec.Raw
    total_annotations: int | None = None
    total_predictions: int | None = None
    predictions_model_versions: str | None = None

    def stored(self) -> Stored | None:
        if self.total_annotations is None or self.total_predictions is None:
            return None
        versions: frozenset[str] | None = frozenset()
        if self.total_predictions:
            told = self.predictions_model_versions or ""
            whole = 0 < len(told) < _VERSIONS_TOLD
            versions = frozenset(each.strip() for each in told.split(",")) if whole else None
        return Stored(self.total_annotations, self.total_predictions, versions)


class _Page(msgspec.Struct):
    tasks: list[_Task]
    total: int


_PAGE = msgspec.json.Decoder(_Page)


def window_query(
    project: int | str,
    last: int,
    count: int,
    *,
    unlabelled: bool = False,
    annotated: bool = False,
    stored: bool = False,
) -> dict[str, str | int]:
    """The query for the first ``count`` tasks behind the id ``last``.

    ``unlabelled``: only those not labelled; ``annotated``: only those with an annotation that is no skip.
    ``stored``: told of each is what is stored with it.
    """
    behind = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
    items: list[Json] = [behind]
    if unlabelled:
        items.append(
            {"filter": "filter:tasks:completed_at", "operator": "empty", "type": "Datetime", "value": True}
        )
    if annotated:
        items.append(
            {"filter": "filter:tasks:total_annotations", "operator": "greater", "type": "Number", "value": 0}
        )
    query: Json = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
    if stored:
        # Label Studio looks up what a column has unless the column is hidden; without this it looks up none.
        query["hiddenColumns"] = dict.fromkeys(("explore", "labeling"), _HIDDEN)
    return {
        "project": project,
        "page_size": count,
        "fields": "task_only",
        "include": f"id,data,total_annotations,total_predictions,{_VERSIONS}" if stored else "id,data",
        "query": json.dumps(query),
    }


def read_window(body: Content, at: Address) -> tuple[list[ListedTask], int]:
    """The tasks of an answer, and how many there are behind the same id in all. Raises LabelStudioError."""
    try:
        page = _PAGE.decode(body)
    except msgspec.MsgspecError:
        raise at.unlike("list tasks") from None
    return [ListedTask(each.id, bytes(each.data), each.stored()) for each in page.tasks], page.total


class ProjectTasks:
    """Asks Label Studio for tasks, with the token that images are read with. Used from one event loop."""

    def __init__(self, options: LabelStudioOptions, *, resolver: Resolver = resolve) -> None:
        self._site = Site.of(options)
        self._timeout_s = options.image_timeout_s
        origin = None if self._site is None else self._site.origin
        self._net = Net(options, AllowList((), origin), resolver)
        self._hosts = HostPlaces()
        self._tokens = ProjectTokens(options, self._site, self._net)

    async def unlabelled_after(
        self, project: str, task: int, count: int, token: str | None = None
    ) -> Sequence[ListedTask]:
        """The first ``count`` unlabelled tasks behind ``task``, in order; none without LABEL_STUDIO_URL.

        Raises the ImageError that says why Label Studio gives no list; Overloaded where it is too busy.
        """
        if self._site is None or not project.isdecimal():
            return ()
        query, address = window_query(project, task, count, unlabelled=True), self._site.address
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._ask(self._site, project, query, token)
        except TimeoutError:
            raise ImageTimeout(f"{address.url} did not send it within {self._timeout_s:g} s in all") from None
        return read_window(body, address)[0]

    async def _ask(
        self, site: Site, project: str, query: Mapping[str, str | int], offered: str | None
    ) -> Content:
        token = self._tokens.of(offered)
        url = site.url(f"{TASKS}?{urlencode(query)}")
        async with self._hosts.at(str(site.origin), project, urgency=True):
            answer = await get_with(token, self._net, url, _HEADERS)
        return checked(answer, f"GET {TASKS}", site.address, token, f"project {project}")

    async def aclose(self) -> None:
        """Close all connections."""
        await self._net.aclose()


class TaskListing:
    """The tasks of one project by rising id, asked for in windows while they are gone through.

    None of them is kept: a project may have a hundred thousand. The first window is read at once; ``total``
    is how many tasks there are, as far as is known. ``behind``: only those with higher ids. ``stored``: each
    tells what is stored with it. Raises what ``LabelStudio`` raises, then and later.
    """

    def __init__(
        self,
        studio: LabelStudio,
        project: int,
        *,
        only_unlabelled: bool = False,
        only_annotated: bool = False,
        behind: int = 0,
        stored: bool = False,
    ) -> None:
        self._studio = studio
        self._project = project
        self._only_unlabelled = only_unlabelled
        self._only_annotated = only_annotated
        self._stored = stored
        self._first, self.total = self._window(behind)

    def __iter__(self) -> Iterator[ListedTask]:
        window, gone_through = self._first, 0
        while window:
            yield from window
            gone_through += len(window)
            window, more = patiently(self._window, window[-1].id)
            self.total = gone_through + more

    def _window(self, last: int) -> tuple[list[ListedTask], int]:
        """The tasks behind the id ``last``, and how many tasks are behind it in all."""
        query = window_query(
            *(self._project, last, WINDOW),
            unlabelled=self._only_unlabelled,
            annotated=self._only_annotated,
            stored=self._stored,
        )
        window, total = read_window(self._studio.read(TASKS, **query), self._studio.at)
        if any(after <= before for before, after in pairwise([last, *(task.id for task in window)])):
            # Going on would bring the same tasks for ever.
            raise LabelStudioError(
                f"Label Studio at {self._studio.url} does not list the tasks of project {self._project} "
                "by their ids; it may be too old for this command"
            )
        return window, total


def task_in(studio: LabelStudio, project: int, number: int) -> ListedTask | None:
    """The task with that id, with what is stored with it; None where the project has none.

    To list it asks no backend for its predictions, as to show it does. Raises what ``LabelStudio`` raises.
    """
    query = window_query(project, number - 1, 1, stored=True)
    found, _ = read_window(patiently(lambda: studio.read(TASKS, **query)), studio.at)
    return next((task for task in found if task.id == number), None)


def task_count(studio: LabelStudio, project: int) -> int:
    """How many tasks the project has. Raises what ``LabelStudio`` raises."""
    return read_window(studio.read(TASKS, **window_query(project, 0, 1)), studio.at)[1]


class _ShownTask(msgspec.Struct):
    project: int
    data: msgspec.Raw


_SHOWN = msgspec.json.Decoder(_ShownTask)


def task_of(studio: LabelStudio, number: int) -> tuple[ListedTask, int]:
    """The task with that id and the id of its project. Raises what ``LabelStudio`` raises."""
    body = studio.read_one(f"{TASKS}/{number}/", f"task {number}")
    try:
        shown = _SHOWN.decode(body)
    except msgspec.MsgspecError:
        raise studio.at.unlike("show tasks") from None
    return ListedTask(number, bytes(shown.data)), shown.project


def patiently(ask: Callable[[*Arguments], T], *args: *Arguments) -> T:
    """``ask(*args)``, again after a while if that may help. Raises what it raises.

    A restart of Label Studio must not end the work of hours.
    """
    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS), wait=BACK_OFF, retry=retry_if_exception(_passes), reraise=True
    )
    return retrying(ask, *args)


def annotations_of(studio: LabelStudio, task: int) -> Content:
    """The annotations of a task, as Label Studio's JSON, a list. Raises what ``LabelStudio`` raises."""
    return patiently(studio.read, f"{TASKS}/{task}/annotations/")


def _passes(error: BaseException) -> bool:
    """Whether it may be better a little later: no answer, or a server in trouble."""
    if isinstance(error, Refused):
        return error.answered >= 500 or error.answered == 429
    return isinstance(error, LabelStudioError)
