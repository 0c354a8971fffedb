"""*Retrieve predictions*: masks for the boxes of chosen tasks, or of everything or things in their pictures.

Label Studio sends all chosen tasks in one request and waits 100 s for the answer, which it stores. What is
not done by then is worked off behind the answer, and stored through the API where there is a token. Who sends
a request gets back what it said itself; what is stored with our token is made of what Label Studio says.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec.structs import replace
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from tenacity.wait import WaitBaseT

from concurrency.background import Background
from concurrency.detached import detached
from deployments.calls.call import call
from deployments.http.reporter import Reporter
from deployments.preannotation import Preannotation, TaskMasks
from deployments.routes.request_reader import Asked, RequestReader
from label_studio.predictions import Prediction
from protocol.bodies.preannotate import Things
from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task
from protocol.boxes import BOXES, TaskWithBoxes, takes_masks
from protocol.label_config import parse
from protocol.options import Retrieve
from protocol.predictions import encode_regions, written_length
from values.errors import (
    BadLabelConfig,
    DeadlineExceeded,
    ModelError,
    OtherVersion,
    Overloaded,
    ServiceError,
)
from values.priority import Priority

ROUTE = "/predict"

MARGIN_S = 15.0
"""So long before the end of a request's time its answer is closed: it has to be written, sent and read."""

ANSWER_LENGTH = 48 * 2**20
"""Characters from which on an answer is closed: Label Studio reads it in one piece."""

OPENED_S = 10.0
"""The same for what is not about boxes, of one task: an editor may be waiting for it to open."""

AT_ONCE = 16
"""Tasks of one request in work at the same time; how many images are decoded the decoders say."""

BEHIND = 2
"""Requests whose rest one ingress replica works off at the same time: it keeps the boxes of their tasks."""

CLAIM_S, DONE_S = 100.0, 5.0
"""For so long a task is claimed while it is in work, and behind its answer, while that is stored."""

AGAIN = (Overloaded, DeadlineExceeded, OtherVersion, ModelError)
TRIES = 8
BACK_OFF: WaitBaseT = wait_random_exponential(multiplier=0.5, max=10)


class Store(Protocol):
    """Where predictions are stored that no answer has."""

    async def may_store(self, project: str) -> bool:
        """Whether there is a token for a project."""

    async def about(self, project: str) -> PredictBody:
        """A project as a request says it, by what Label Studio says. Raises ServiceError."""

    async def boxes(
        self, project: str, number: int, version: str, kinds: frozenset[str]
    ) -> TaskWithBoxes | None:
        """A task's boxes, by what Label Studio says; None without any. Raises ServiceError."""

    async def whole(
        self, project: str, number: int, version: str, *, annotated: bool
    ) -> TaskWithBoxes | None:
        """A task without boxes, or with what is annotated, as Label Studio says; None where it has masks.
        Raises ServiceError."""

    async def store(self, project: str, prediction: Prediction) -> bool:
        """Store one, once. Raises ServiceError."""


@dataclass
class _Run:
    """A request under way.

    ``about``: the request without its tasks. ``todo``: what nobody has begun. ``done``: masks for the answer,
    which takes some until ``closed``. ``own``: the project by what Label Studio says, for what is stored.
    ``stored``: tasks behind the answer. ``troubles``: how many boxes, or tasks,
    have no mask, and ``trouble`` why the first has none.
    """

    about: PredictBody
    priority: Priority
    todo: deque[TaskWithBoxes]
    done: list[tuple[TaskWithBoxes, TaskMasks]] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    length: int = 0
    own: PredictBody | None = None
    stored: int = 0
    troubles: int = 0
    trouble: str = ""
    under_way: set[int] = field(default_factory=set)

    @property
    def claimed(self) -> list[int]:
        """The tasks that are neither done nor given up."""
        return [*self.under_way, *_numbers(self.todo)]

    def without_mask(self, task: Task, sentence: str) -> None:
        """A box of a task, or a whole task, has none."""
        self.trouble = self.trouble or f"task {task.id}: {sentence}"
        self.troubles += 1


class Retrieval:
    """Answers requests without prompts: ``retrieve`` says what with. One per ingress replica.

    ``version``: of what is stored. ``timeout_s``: for a whole request. ``order``: of the controls that
    take masks, the preferred first.
    """

    def __init__(
        self,
        reader: RequestReader,
        preannotation: Preannotation,
        store: Store,
        reporter: Reporter,
        journal: Any,
        version: str,
        timeout_s: float,
        order: tuple[str, ...],
        *,
        retrieve: Retrieve = "boxes",
    ) -> None:
        self._reader = reader
        self._preannotation = preannotation
        self._store = store
        self._reporter = reporter
        self._journal = journal
        self._version = version
        self._limit_s = max(timeout_s / 2, timeout_s - MARGIN_S)
        # A box that becomes a box would be a prediction of what is there already.
        boxes = retrieve == "boxes"
        self._order = tuple(tag for tag in order if not boxes or not tag.startswith("Rectangle"))
        self._retrieve = retrieve
        self.background = Background(limit=BEHIND)

    async def results(self, asked: Asked) -> list[Any] | None:
        """The prediction of each task, and ``[]`` for each without; None where no task asks for masks."""
        of_boxes = self._retrieve == "boxes"
        boxed = await (self._boxed(asked) if of_boxes else self._without_masks(asked))
        if not boxed:
            return None
        project, tasks = asked.body.project_id, len(asked.body.tasks)
        mine = await self._claimed(project, boxed)
        about = replace(asked.body, tasks=(), items=())  # not all of the body, as long as it is worked off
        run = _Run(about, Priority.OPENED if tasks == 1 else Priority.NEXT, deque(mine))
        limit_s = min(OPENED_S, self._limit_s) if tasks == 1 and not of_boxes else self._limit_s
        working = asyncio.create_task(self._work(run), context=detached())
        closed = asyncio.create_task(run.closed.wait())
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.wait({working, closed}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            # Label Studio has hung up: nobody stores what was to be in the answer.
            await self._leave_rest(run, working, lost=True)
            raise
        finally:
            closed.cancel()
        rest = await self._leave_rest(run, working)
        if tasks > 1 or rest or run.troubles:
            said = _said(tasks, len(boxed), len(mine), run, rest, of_boxes=of_boxes)
            self._reporter.retrieved(project, said)
        await self._hold(project, _numbers(each for each, _ in run.done), DONE_S)
        results: list[Any] = [[]] * tasks
        for each, masks in run.done:
            results[each.place] = masks.prediction()
        return results

    async def _boxed(self, asked: Asked) -> list[TaskWithBoxes]:
        """The tasks that have boxes and no masks of this model yet."""
        raw, about = asked.raw, asked.body
        # Most requests are about tasks without any: a look at the bytes is cheaper than to read them again.
        if (b'"rectangle' not in raw and b'"ellipse' not in raw) or not self._takes_masks(about):
            return []
        where = f"the body of {ROUTE}"
        return await self._reader.tasks_with_boxes(asked, where, self._version, BOXES)

    async def _without_masks(self, asked: Asked) -> list[TaskWithBoxes]:
        """The tasks that have no masks of this model yet."""
        if not asked.body.tasks or not self._takes_masks(asked.body):
            return []
        annotated = self._retrieve == "find"
        where = f"the body of {ROUTE}"
        return await self._reader.tasks_without_masks(asked, where, self._version, annotated=annotated)

    def _takes_masks(self, about: PredictBody) -> bool:
        """Whether Label Studio would store masks: it refuses those of controls inside a repeater."""
        try:
            config = parse(about.label_config or "")
        except BadLabelConfig:
            return False  # as is said to whoever clicks
        return not config.tags and takes_masks(config, self._order)

    async def _claimed(self, project: str, boxed: Sequence[TaskWithBoxes]) -> list[TaskWithBoxes]:
        """Those that nobody else is at work on: a browser asks for the predictions of one task twice at once,
        and Label Studio would store both answers."""
        numbers = _numbers(boxed)
        try:
            free = set(await self._ask(lambda: self._journal.claim.remote(project, numbers, CLAIM_S)))
        except ServiceError:
            return list(boxed)
        return [each for each in boxed if each.task.number is None or each.task.number in free]

    async def _hold(self, project: str, tasks: Iterable[int], seconds: float) -> None:
        if held := list(tasks):
            try:
                await self._ask(lambda: self._journal.hold.remote(project, held, seconds))
            except ServiceError:
                return  # a claim ends by itself

    async def _ask(self, send: Callable[[], Any]) -> Any:
        return await call(send, timeout_s=2, what="asking the journal")

    async def _work(self, run: _Run) -> None:
        await asyncio.gather(*(self._worker(run) for _ in range(min(AT_ONCE, len(run.todo)))))

    async def _worker(self, run: _Run) -> None:
        while run.todo:
            boxed = run.todo.popleft()
            number = boxed.task.number
            if number is not None:
                run.under_way.add(number)
            try:
                await self._one(run, boxed)
            except ServiceError as error:
                run.without_mask(boxed.task, error.detail)
            finally:
                if number is not None:
                    run.under_way.discard(number)

    async def _one(self, run: _Run, boxed: TaskWithBoxes) -> None:
        """The masks of one task, into the answer or behind it. Raises ServiceError."""
        masks = None if run.closed.is_set() else await self._masks(run, run.about, boxed)
        if masks is None or run.closed.is_set():
            await self._stored(run, boxed.task)
            return
        for each in masks.left_out:
            run.without_mask(boxed.task, each.sentence)
        if masks.regions:
            run.done.append((boxed, masks))
            run.length += written_length([masks.prediction()])
            if run.length >= ANSWER_LENGTH:
                run.closed.set()

    async def _masks(self, run: _Run, about: PredictBody, boxed: TaskWithBoxes) -> TaskMasks:
        """The masks of a task, asked for again while that may help. Raises ServiceError."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(TRIES), wait=BACK_OFF, retry=retry_if_exception_type(AGAIN), reraise=True
        )
        masks: TaskMasks = await retrying(self._made, about, boxed, run.priority)
        return masks

    async def _made(self, about: PredictBody, boxed: TaskWithBoxes, priority: Priority) -> TaskMasks:
        make, task = self._preannotation, boxed.task
        if self._retrieve == "everything":
            return await make.everything(ROUTE, about, task, None, priority)
        if self._retrieve == "find":
            return await make.find(ROUTE, about, task, boxed.results, Things(), priority)
        return await make.masks(ROUTE, about, task, boxed.results, priority)

    async def _stored(self, run: _Run, task: Task) -> None:
        """Make the masks of a task as Label Studio has it, and store them. Raises ServiceError."""
        project, number = run.about.project_id, task.number
        if number is None:
            return
        if run.own is None:
            run.own = await self._store.about(project)
        if self._retrieve == "boxes":
            boxed = await self._store.boxes(project, number, self._version, BOXES)
        else:
            annotated = self._retrieve == "find"
            boxed = await self._store.whole(project, number, self._version, annotated=annotated)
        if boxed is None:
            return
        masks = await self._masks(run, run.own, boxed)
        for each in masks.left_out:
            run.without_mask(task, each.sentence)
        if masks.regions:
            made, result = masks.prediction(), encode_regions(masks.regions)
            await self._store.store(project, Prediction(number, masks.version, made["score"], result))
            run.stored += 1

    async def _leave_rest(self, run: _Run, working: asyncio.Task[None], *, lost: bool = False) -> _Rest:
        """Close the answer; what becomes of the tasks that are not in it. ``lost``: nobody has it."""
        run.closed.set()
        project = run.about.project_id
        left = len(run.todo) + len(run.under_way)
        if working.done() and not lost:
            working.result()
            return _Rest(0)
        able = await self._store.may_store(project)
        begun = able and self.background.start(self._behind(run, working, left, lost=lost))
        if not begun:
            claimed = run.claimed
            working.cancel()
            await self._hold(project, claimed, 0)
        return _Rest(left, able=able, begun=begun)

    async def _behind(self, run: _Run, working: asyncio.Task[None], left: int, *, lost: bool) -> None:
        """Stay until the rest is done, and say so."""
        project = run.about.project_id
        if lost:
            left += len(run.done)
            for boxed, _ in run.done:
                try:
                    await self._stored(run, boxed.task)
                except ServiceError as error:
                    run.without_mask(boxed.task, error.detail)
        while not working.done():
            await self._hold(project, run.claimed, CLAIM_S)
            await asyncio.wait({working}, timeout=CLAIM_S / 2)
        self._reporter.retrieved(
            project, f"{run.stored} of {left} tasks behind the answer are stored{_why(run)}"
        )


@dataclass(frozen=True, slots=True)
class _Rest:
    """Tasks that are not in an answer that was closed.

    ``able``: whether they could be stored; ``begun``: whether they are worked off.
    """

    count: int
    able: bool = True
    begun: bool = True

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        if not self:
            return ""
        said = f"; {self.count} did not fit into it: "
        if self.begun:
            return said + "they are worked off behind it, and stored through Label Studio's API"
        if self.able:
            return said + "others are being worked off; retrieve predictions again in a while"
        return said + "retrieve predictions again, or set LABEL_STUDIO_API_KEY to have such tasks stored"


def _numbers(boxed: Iterable[TaskWithBoxes]) -> list[int]:
    """The tasks that Label Studio knows by a number."""
    return [each.task.number for each in boxed if each.task.number is not None]


def _said(tasks: int, boxed: int, mine: int, run: _Run, rest: _Rest, *, of_boxes: bool) -> str:
    have = "have boxes" if of_boxes else "have no masks of this model yet"
    said = f"{boxed} of {tasks} tasks {have}, {len(run.done)} have masks in the answer"
    busy = f"; {boxed - mine} are in work already, or were just done" if boxed > mine else ""
    return f"{said}{busy}{rest}{_why(run)}"


def _why(run: _Run) -> str:
    if not run.troubles:
        return ""
    more = f"; and {run.troubles - 1} more" if run.troubles > 1 else ""
    return f"; without a mask: {run.trouble}{more}"
