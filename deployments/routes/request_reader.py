"""Requests about tasks, read as far as a route needs them; what is costly to read takes turns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from msgspec import Raw
from msgspec.structs import replace
from starlette.requests import Request

from deployments.calls.large_values import LARGE
from deployments.calls.last_setup import SetupConfigs
from deployments.http.responses import read_body
from deployments.loop_offload import CostlyWork, off_loop_if_large
from protocol.bodies.annotated import AnnotatedTask, read_annotated
from protocol.bodies.preannotate import Things, Wanted, read_wanted
from protocol.bodies.predict import PredictBody, read_predict
from protocol.bodies.task import Task
from protocol.boxes import (
    BoxedImage,
    BoxedTask,
    LeftOut,
    TaskWithBoxes,
    box_results,
    read_boxes,
    results_of_annotations,
    tasks_with_boxes,
)
from protocol.click import Click, Nothing, read_click, read_images
from protocol.cost import ON_LOOP_MS, boxes_ms, click_ms, config_ms, images_ms
from protocol.drawings import Draw
from protocol.editor_note import editor_note
from protocol.everything import WholeTask, read_whole, tasks_without_masks
from protocol.finding import Find, Vectors, asks_to_find, mentions_find, read_find
from protocol.finding_tasks import FindTask, read_finds
from protocol.label_config import NOTE
from protocol.options import ReadOptions
from values.click_answer import Region
from values.errors import BadRequest
from values.image import ImageSource


@dataclass(frozen=True, slots=True)
class Asked:
    """A request about tasks: its ``body``, and the bytes that it was read from."""

    body: PredictBody
    raw: bytes = field(repr=False)

    @property
    def length(self) -> int:
        """How many bytes those are."""
        return len(self.raw)

    def in_all_ms(self, estimate_ms: float) -> float:
        """What something about it takes, where a single value of it may be large."""
        return estimate_ms + self.length / LARGE * ON_LOOP_MS


class RequestReader:
    """Reads requests. ``draw``: what reads drawn masks. ``costly``: where costly work waits for its turn."""

    def __init__(
        self, max_body_mib: int, reading: ReadOptions, draw: Draw, configs: SetupConfigs, costly: CostlyWork
    ) -> None:
        self._max_body = max_body_mib << 20
        self._reading = reading
        self._draw = draw
        self._configs = configs
        self._costly = costly

    async def raw(self, request: Request) -> bytes:
        """The bytes of the body. Raises BodyTooLarge."""
        return await read_body(request, self._max_body)

    async def tasks(self, request: Request) -> Asked:
        """The tasks of a request and its prompts; from here on failures of it are those of its project."""
        raw = await self.raw(request)
        body = await off_loop_if_large(len(raw), read_predict, raw)
        request.state.project, request.state.task = body.project_id, body.task_id
        return Asked(await self._configured(body), raw)

    async def click(self, asked: Asked) -> Click | Nothing | None:
        """What its prompts ask for; see ``protocol.click.read_click``."""
        body = asked.body
        ms = asked.in_all_ms(click_ms(body))
        return await self._costly.run(ms, body.project_id, read_click, body, self._draw, self._reading)

    async def find(self, asked: Asked) -> Find | Nothing | None:
        """What it asks to find; see ``protocol.finding.read_find``. None where it asks for something else."""
        body = asked.body
        if not mentions_find(body):
            return None
        ms = asked.in_all_ms(click_ms(body))
        if not await self._costly.run(ms, body.project_id, asks_to_find, body):
            return None
        args = (body, asked.raw, self._draw, self._reading)
        return await self._costly.run(math.inf, body.project_id, read_find, *args)

    async def note(self, asked: Asked, words: str) -> list[Region]:
        """What tells ``words`` to whoever clicked; see ``protocol.editor_note.editor_note``."""
        body = asked.body
        if not body.tasks or NOTE not in (body.label_config or ""):
            return []
        return await self._costly.run(config_ms(body.label_config), body.project_id, editor_note, body, words)

    async def images(self, asked: Asked, limit: int) -> list[ImageSource]:
        """The first ``limit`` images of its tasks; see ``protocol.click.read_images``."""
        body = asked.body
        ms = asked.in_all_ms(images_ms(body))
        return await self._costly.run(ms, body.project_id, read_images, body, limit)

    async def annotated(self, asked: Asked, where: str) -> tuple[AnnotatedTask, ...]:
        """Its tasks with what is stored with them. ``where``: names the body in a sentence."""
        return await off_loop_if_large(asked.length, read_annotated, asked.raw, where)

    async def box_results(self, task: AnnotatedTask, version: str, kinds: frozenset[str]) -> tuple[Raw, ...]:
        """The results that are the task's boxes; see ``protocol.boxes.box_results``."""
        size = len(bytes(task.annotations)) + len(bytes(task.predictions))
        return await off_loop_if_large(size, box_results, task, version, kinds)

    async def annotated_regions(self, task: AnnotatedTask) -> tuple[Raw, ...]:
        """The regions of the task's newest annotation with any; see ``protocol.boxes``."""
        raw = bytes(task.annotations)
        return await off_loop_if_large(len(raw), results_of_annotations, raw)

    async def tasks_with_boxes(
        self, asked: Asked, where: str, version: str, kinds: frozenset[str]
    ) -> list[TaskWithBoxes]:
        """Those of its tasks that have boxes; see ``protocol.boxes.tasks_with_boxes``."""
        return await off_loop_if_large(asked.length, tasks_with_boxes, asked.raw, where, version, kinds)

    async def wanted(self, asked: Asked, where: str) -> Wanted | None:
        """What it asks for instead of boxes; see ``protocol.bodies.preannotate.read_wanted``."""
        return await off_loop_if_large(asked.length, read_wanted, asked.raw, where)

    async def tasks_without_masks(
        self, asked: Asked, where: str, version: str, *, annotated: bool
    ) -> list[TaskWithBoxes]:
        """Those of its tasks that lack masks; see ``protocol.everything.tasks_without_masks``."""
        read = partial(tasks_without_masks, annotated=annotated)
        return await off_loop_if_large(asked.length, read, asked.raw, where, version)

    async def whole(self, about: PredictBody, task: Task, points: int | None) -> WholeTask:
        """The pictures of one of its tasks; see ``protocol.everything.read_whole``."""
        ms = config_ms(about.label_config) + len(memoryview(task.data)) / LARGE * ON_LOOP_MS
        order = self._reading.output_order
        return await self._costly.run(ms, about.project_id, read_whole, about, task, points, order)

    async def finds(
        self,
        about: PredictBody,
        task: Task,
        results: Sequence[Raw],
        things: Things,
        vectors: Vectors | None,
    ) -> FindTask:
        """What is to be found in one of its tasks; see ``protocol.finding_tasks.read_finds``."""
        args = (about, task, results, things, self._draw, self._reading, vectors)
        return await self._costly.run(math.inf, about.project_id, read_finds, *args)

    async def boxes(self, about: PredictBody, task: Task, results: Sequence[Raw]) -> BoxedTask:
        """The boxes of one of its tasks; see ``protocol.boxes.read_boxes``."""
        ms = boxes_ms([memoryview(each) for each in results], about.label_config)
        return await self._costly.run(ms, about.project_id, read_boxes, about, task, results, self._reading)

    async def boxed_click(
        self, project: str, part: BoxedImage
    ) -> tuple[Click | None, list[str], list[LeftOut]]:
        """The click for some boxes; see ``protocol.boxes.BoxedImage.click``."""
        ms = math.inf if any(box.area.has_mask for box in part.boxes) else 0.0
        return await self._costly.run(ms, project, part.click, self._draw)

    async def all_images(self, request: Request, route: str, limit: int) -> list[ImageSource]:
        """All images of a request to ``route``. Raises BadRequest for more than ``limit``."""
        sources = await self.images(await self.tasks(request), limit + 1)
        if len(sources) > limit:
            raise BadRequest(f"a request to {route} may have {limit} images; send fewer tasks at once")
        return sources

    async def _configured(self, body: PredictBody) -> PredictBody:
        """The body with a labeling config: where it brings none, that of its project's last /setup."""
        if (body.label_config or "").strip():
            return body
        known = await self._configs.of(body.project_id)
        return body if known is None else replace(body, label_config=known)
