"""Tasks' boxes, or everything or some things in their pictures, become masks, where the embeddings are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from concurrency.background import ProjectPlaces
from deployments.calls.decoder_client import DecoderClient
from deployments.http.reporter import Reporter
from deployments.routes.request_reader import RequestReader
from protocol.bodies.preannotate import Like, Things
from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task
from protocol.boxes import BoxedImage, LeftOut, no_mask
from protocol.click import image_source
from protocol.everything import WholePicture, nothing_found
from protocol.finding import NO_FINDER, Vectors, found_version
from protocol.predictions import prediction
from values.box_masks import BoxMasks
from values.click_answer import Region
from values.errors import BadPrompt, BadRequest, ImageError, OtherVersion
from values.priority import Priority


@dataclass(frozen=True, slots=True)
class Made:
    """What one box became, or one thing that was found without a box. ``region``: the box's id, or "".
    ``results``: how many of the task's results; they come in this order."""

    region: str
    results: int
    score: float


@dataclass
class TaskMasks:
    """What the boxes of one task became.

    ``boxes``: how many there are. ``regions``: results for Label Studio. ``made``: the masks. ``version``: of
    the model. ``left_out``: boxes, or images, without masks.
    """

    version: str
    boxes: int = 0
    regions: list[Region] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def add(self, found: BoxMasks) -> None:
        """The masks of what was found in a picture without boxes; some are too small for their control."""
        self.version = found.version
        for made, score in zip(found.regions, found.scores, strict=True):
            if made:
                self.regions += made
                self.made.append(Made("", len(made), score))

    def prediction(self) -> dict[str, Any]:
        """The prediction that Label Studio stores; its score is the mean of the masks'."""
        score = sum(each.score for each in self.made) / max(1, len(self.made))
        return prediction(self.regions, score, self.version)


class Preannotation:
    """Has the decoders make masks of boxes. One per ingress replica.

    ``ahead``: places for images that nobody waits for. ``version``: of the model that serves. ``finder``: of
    the detector beside it, empty without one.
    """

    def __init__(
        self,
        reader: RequestReader,
        decoders: DecoderClient,
        ahead: ProjectPlaces,
        reporter: Reporter,
        version: str,
        finder: str = "",
    ) -> None:
        self._reader = reader
        self._decoders = decoders
        self._ahead = ahead
        self._reporter = reporter
        self._version = version
        self._finder = finder

    async def masks(
        self, route: str, about: PredictBody, task: Task, results: Sequence[Raw], priority: Priority
    ) -> TaskMasks:
        """The masks of the boxes in ``results``, which are those of a task of ``about``.

        ``route``: for whoever reads what failed. Raises what is no fault of the task: what ends a request
        early, and what may be better a little later.
        """
        done = TaskMasks(self._version)
        try:
            boxed = await self._reader.boxes(about, task, results)
        except (BadPrompt, BadRequest) as error:
            done.left_out.append(LeftOut.of("", error))
            return done
        done.boxes, done.left_out = boxed.boxes, [*boxed.left_out]
        for image in boxed.images:
            try:
                await self._decode(about.project_id, image, priority, done)
            except ImageError as error:
                self._reporter.failed_image(route, error, image.image)
                done.left_out.append(LeftOut.of("", error))
        return done

    async def everything(
        self, route: str, about: PredictBody, task: Task, points: int | None, priority: Priority
    ) -> TaskMasks:
        """The masks of everything in the pictures of a task of ``about``.

        ``points``: of the grid along each side, None for the setting's. Raises what ``masks`` raises; one of
        these is DeadlineExceeded, where asking again goes on with what is done.
        """
        done = TaskMasks(self._version)
        try:
            whole = await self._reader.whole(about, task, points)
        except (BadPrompt, BadRequest) as error:
            done.left_out.append(LeftOut.of("", error))
            return done
        done.left_out = [*whole.left_out]
        for picture in whole.pictures:
            try:
                await self._explore(about.project_id, picture, priority, done)
            except ImageError as error:
                self._reporter.failed_image(route, error, picture.image)
                done.left_out.append(LeftOut.of("", error))
        return done

    async def vectors(self, about: PredictBody, things: Things, priority: Priority) -> Vectors | None:
        """The examples of ``things``, in a project that a request is ``about``, as the detector knows them.

        None where there are none. Raises BadPrompt where there is no detector, or where it sees nothing where
        one is, and what reading their images raises.
        """
        if not things.like:
            return None
        if not self._finder:
            raise BadPrompt(NO_FINDER)

        async def vector(like: Like) -> tuple[str, NDArray[np.float32]]:
            source = image_source(about, Task(like.task), like.image)
            async with self._ahead.of(about.project_id):
                return await self._decoders.example(source, like.box, priority)

        made = await asyncio.gather(*map(vector, [*things.like, *things.not_like]))
        if len({finder for finder, _ in made}) > 1:
            raise OtherVersion("the detector is being replaced by another one; try again")
        queries, meant = np.stack([query for _, query in made]), len(things.like)
        return Vectors(made[0][0], queries[:meant], queries[meant:])

    async def find(
        self,
        route: str,
        about: PredictBody,
        task: Task,
        results: Sequence[Raw],
        things: Things,
        priority: Priority,
        vectors: Vectors | None = None,
    ) -> TaskMasks:
        """The masks of ``things`` in the pictures of a task of ``about``, without those that are among
        ``results``, its regions.

        ``vectors``: of the examples. Raises what ``masks`` raises, and BadPrompt where there is no detector.
        Nothing in a picture is an answer like any other.
        """
        if not self._finder:
            raise BadPrompt(NO_FINDER)
        done = TaskMasks(found_version(self._finder, self._version))
        try:
            asked = await self._reader.finds(about, task, results, things, vectors)
        except (BadPrompt, BadRequest) as error:
            done.left_out.append(LeftOut.of("", error))
            return done
        done.left_out = [*asked.left_out]
        for find in asked.finds:
            try:
                async with self._ahead.of(about.project_id):
                    found = await self._decoders.find_masks(find, priority)
            except ImageError as error:
                self._reporter.failed_image(route, error, find.image)
                done.left_out.append(LeftOut.of("", error))
                continue
            except BadPrompt as error:
                done.left_out.append(LeftOut.of("", error))
                continue
            done.add(found)
        return done

    async def _explore(
        self, project: str, picture: WholePicture, priority: Priority, done: TaskMasks
    ) -> None:
        """The masks of everything in one picture. Raises ImageError where it cannot be read."""
        async with self._ahead.of(project):
            found = await self._decoders.everything(picture, priority)
        done.add(found)
        if not found.scores:
            done.left_out.append(nothing_found(picture))

    async def _decode(self, project: str, image: BoxedImage, priority: Priority, done: TaskMasks) -> None:
        """The masks of one image, part by part. Raises ImageError where it cannot be read."""
        parts = image.chunks()
        for part in parts:
            click, regions, left_out = await self._reader.boxed_click(project, part)
            done.left_out += left_out
            if click is None:
                continue
            async with self._ahead.of(project):
                found = await self._decoders.annotate(click, priority, keep=len(parts) > 1)
            done.version = found.version
            for region, output, made, score in zip(
                regions, click.outputs, found.regions, found.scores, strict=True
            ):
                if made:
                    done.regions += made
                    done.made.append(Made(region, len(made), score))
                else:
                    done.left_out.append(no_mask(region, output.tag))
