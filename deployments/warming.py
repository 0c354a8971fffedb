"""Images that nobody has clicked on yet are encoded ahead: those of an opened task, and of the next ones."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from concurrency.background import Background, ProjectPlaces
from concurrency.single_flight import SingleFlight
from deployments.calls.decoder_client import DecoderClient
from deployments.calls.large_values import LARGE
from deployments.calls.last_setup import SetupTokens
from deployments.http.reporter import Reporter
from deployments.loop_offload import off_loop_if
from imaging.options import ImageOptions
from label_studio.tasks import ListedTask, ProjectTasks
from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task
from protocol.click import read_images
from protocol.cost import ON_LOOP_MS, images_ms
from protocol.label_config import parse
from values.errors import BadLabelConfig, DeadlineExceeded, OtherVersion, Overloaded, ServiceError
from values.image import ImageSource
from values.priority import Priority

logger = logging.getLogger("ray.serve")

PROJECTS = 1000
WINDOW = 50
"""Tasks that are asked for at once: one question to Label Studio for so many opened tasks."""

FRESH_S = 60.0
"""For so long a list of tasks is believed, and after a failure nothing is asked."""

AGAIN_S = 600.0
"""For so long a task that was encoded ahead is not sent to its decoder again."""


class Tasks(Protocol):
    """What knows the tasks of a project."""

    async def unlabelled_after(
        self, project: str, task: int, count: int, token: str | None = None
    ) -> Sequence[ListedTask]:
        """The first ``count`` unlabelled tasks behind ``task``. Raises ServiceError."""


@dataclass(frozen=True, slots=True)
class _Window:
    """The unlabelled tasks behind ``after``, asked for ``at`` some time; ``tasks`` None: that failed."""

    after: int
    at: float
    tasks: Sequence[ListedTask] | None

    def next(self, task: int, count: int) -> Sequence[ListedTask] | None:
        """The ``count`` tasks behind ``task``, or None where this list does not tell."""
        if self.tasks is None:
            return ()
        behind = [each for each in self.tasks if each.id > task][:count]
        whole = len(self.tasks) < WINDOW
        return behind if self.after <= task and (whole or len(behind) == count) else None


class Prefetcher:
    """Sends the next ``count`` unlabelled tasks of a project to their decoders, behind all clicks.

    ``warm`` encodes an image ahead, for a project that finds things or not, and answers False where it may
    succeed a little later; ``token`` tells
    the token that came with a project's /setup. Nothing is raised: where Label Studio does not tell, tasks
    are encoded when they are opened. One per ingress replica.
    """

    def __init__(
        self,
        count: int,
        tasks: Tasks,
        warm: Callable[[ImageSource, bool], Coroutine[Any, Any, bool]],
        token: Callable[[str], Awaitable[str | None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.background = Background(limit=64)
        self._count = count
        self._tasks = tasks
        self._warm = warm
        self._token = token
        self._clock = clock
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._asking = SingleFlight[_Window](max_waiters=PROJECTS)
        self._sent: OrderedDict[tuple[str, int], float] = OrderedDict()

    def opened(self, body: PredictBody) -> None:
        """An annotator is at the first task of ``body``: encode the next ones of its project."""
        if self._count and body.project_id and body.tasks and body.tasks[0].number is not None:
            self.background.start(self._encode_next(body, body.tasks[0].number))

    async def _encode_next(self, body: PredictBody, task: int) -> None:
        project = body.project_id
        for each in await self._next(project, task):
            if self._is_due(project, each.id):
                self._mark(project, each.id)
                for source in await _images(body, each):
                    if not self.background.start(self._send(project, each.id, source, finds(body))):
                        self._sent.pop((project, each.id), None)

    async def _send(self, project: str, task: int, source: ImageSource, find: bool) -> None:
        if not await self._warm(source, find):
            self._sent.pop((project, task), None)  # the next task that is opened sends it again

    async def _next(self, project: str, task: int) -> Sequence[ListedTask]:
        window = self._windows.get(project)
        known = window.next(task, self._count) if window and self._clock() - window.at < FRESH_S else None
        if known is not None:
            return known
        # Who comes meanwhile gets the same list, which is as good a guess for the next ones.
        window = await self._asking.run(project, lambda flight: self._ask(project, task))
        return window.next(task, self._count) or ()

    async def _ask(self, project: str, task: int) -> _Window:
        found: Sequence[ListedTask] | None = None
        try:
            token = await self._token(project)
            found = await self._tasks.unlabelled_after(project, task, WINDOW, token)
        except ServiceError as error:
            logger.warning("the next tasks of project %s are not encoded ahead: %s", project, error.detail)
        self._windows[project] = window = _Window(task, self._clock(), found)
        self._windows.move_to_end(project)
        if len(self._windows) > PROJECTS:
            self._windows.popitem(last=False)
        return window

    def _is_due(self, project: str, task: int) -> bool:
        """Whether the task has not been sent lately."""
        sent = self._sent.get((project, task))
        return sent is None or self._clock() - sent >= AGAIN_S

    def _mark(self, project: str, task: int) -> None:
        self._sent[project, task] = self._clock()
        self._sent.move_to_end((project, task))
        while len(self._sent) > PROJECTS * WINDOW:
            self._sent.popitem(last=False)


def finds(body: PredictBody) -> bool:
    """Whether those who see the tasks of ``body``, whose config has been read, may ask to find things."""
    try:
        return bool(body.label_config) and parse(body.label_config or "").finds
    except BadLabelConfig:
        return False


async def _images(opened: PredictBody, task: ListedTask) -> list[ImageSource]:
    """The images of a task, which the opened one's labeling config shows."""
    body = replace(opened, tasks=(Task(task.id, msgspec.Raw(task.data)),), items=())
    costly = len(task.data) > LARGE or images_ms(body) > ON_LOOP_MS
    return await off_loop_if(costly, read_images, body, WINDOW)


class Warming:
    """Has the decoders warm images.

    ``ahead``: places for those that nobody looks at. ``prefetch_tasks``: next tasks of a project, where Label
    Studio can be asked for them. One per ingress replica.
    """

    def __init__(
        self,
        decoders: DecoderClient,
        reporter: Reporter,
        ahead: ProjectPlaces,
        images: ImageOptions,
        tokens: SetupTokens,
        prefetch_tasks: int,
    ) -> None:
        self.background = Background(limit=256)
        self._decoders = decoders
        self._reporter = reporter
        self._ahead = ahead
        able = tokens.wanted or images.label_studio_api_key is not None
        count = prefetch_tasks if able else 0
        self._prefetcher = Prefetcher(count, ProjectTasks(images), self._next, tokens.of)

    def images(self, sources: list[ImageSource], *, opened: bool, find: bool = False) -> None:
        """Have the images encoded; of an opened task the first is the one that somebody looks at.

        ``find``: whether somebody may ask to find things on them.
        """
        for number, source in enumerate(sources):
            if opened and number == 0:
                self.background.start(self._warm(source, Priority.OPENED, find))
            else:
                self.background.start(self._next(source, find))

    def opened(self, body: PredictBody) -> None:
        """An annotator is at the first task of ``body``: have the next ones of its project encoded."""
        self._prefetcher.opened(body)

    async def _next(self, source: ImageSource, find: bool) -> bool:
        """Have an image encoded ahead, when there is a place; False where that may succeed a little later."""
        async with self._ahead.of(source.project):
            return await self._warm(source, Priority.NEXT, find)

    async def _warm(self, source: ImageSource, priority: Priority, find: bool) -> bool:
        try:
            await self._decoders.warm(source, priority, find=find)
        except ServiceError as error:
            self._reporter.failed_image("warm", error, source)
            return not isinstance(error, (Overloaded, DeadlineExceeded, OtherVersion))
        return True
