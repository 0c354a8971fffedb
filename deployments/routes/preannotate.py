"""``POST /preannotate``, not of Label Studio's protocol: masks of boxes, of everything or of some things."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from deployments.loop_offload import off_loop_if_large
from deployments.preannotation import Preannotation, TaskMasks
from deployments.routes.request_reader import Asked, RequestReader
from protocol.bodies.annotated import AnnotatedTask
from protocol.bodies.preannotate import Everything, Things, Wanted
from protocol.boxes import SHAPES
from protocol.finding import Vectors
from protocol.predictions import encode_predict, written_length
from values.errors import BadRequest, DeadlineExceeded
from values.priority import Priority

ROUTE = "/preannotate"

PREANNOTATE_TASKS = 100
"""Tasks of one request."""

_AskedFor: TypeAlias = tuple[Wanted | None, Vectors | None]
"""And the vectors of its examples."""


class Preannotate:
    """The route. ``version``: of the model that serves. ``timeout_s``: for a whole request."""

    def __init__(
        self, reader: RequestReader, preannotation: Preannotation, version: str, timeout_s: float
    ) -> None:
        self._reader = reader
        self._preannotation = preannotation
        self._version = version
        self._timeout_s = timeout_s

    async def __call__(self, request: Request) -> Response:
        """The masks of each task."""
        asked = await self._reader.tasks(request)
        if len(asked.body.tasks) > PREANNOTATE_TASKS:
            raise BadRequest(
                f"a request to {ROUTE} may have {PREANNOTATE_TASKS} tasks; send fewer tasks at once"
            )
        where = f"the body of {ROUTE}"
        wanted = await self._reader.wanted(asked, where)
        tasks = await self._reader.annotated(asked, where)
        try:
            async with asyncio.timeout(self._timeout_s):
                asked_for = wanted, await self._vectors(asked, wanted)
                results = await asyncio.gather(*(self._of(asked, task, asked_for) for task in tasks))
        except TimeoutError:
            raise DeadlineExceeded(
                f"not all {len(tasks)} tasks were done within {self._timeout_s:g} s; send fewer at once"
            ) from None
        length = written_length(results)
        return Response(
            await off_loop_if_large(length, encode_predict, results), media_type="application/json"
        )

    async def _vectors(self, asked: Asked, wanted: Wanted | None) -> Vectors | None:
        """The examples of all tasks. A request without tasks tells whether they can be used."""
        if not isinstance(wanted, Things):
            return None
        return await self._preannotation.vectors(asked.body, wanted, Priority.LATER)

    async def _of(self, asked: Asked, task: AnnotatedTask, asked_for: _AskedFor) -> dict[str, Any]:
        done = await self._masks(asked, task, asked_for)
        left_out = [
            {"region": each.region, "error": each.code, "detail": each.sentence} for each in done.left_out
        ]
        counts = {"boxes": done.boxes, "masks": len(done.made)}
        made = [asdict(each) for each in done.made]
        return {"task": task.id, **counts, **done.prediction(), "made": made, "left_out": left_out}

    async def _masks(self, asked: Asked, task: AnnotatedTask, asked_for: _AskedFor) -> TaskMasks:
        about = asked.body
        wanted, vectors = asked_for
        match wanted:
            case Everything(points_per_side=points):
                return await self._preannotation.everything(ROUTE, about, task, points, Priority.LATER)
            case Things():
                drawn = await self._reader.annotated_regions(task)
                return await self._preannotation.find(
                    ROUTE, about, task, drawn, wanted, Priority.LATER, vectors
                )
            case None:
                found = await self._reader.box_results(task, self._version, SHAPES)
                return await self._preannotation.masks(ROUTE, about, task, found, Priority.LATER)
