"""``POST /predict``: a click becomes regions; of other tasks images are encoded ahead, and boxes answered."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from deployments.calls.decoder_client import DecoderClient
from deployments.http.admission import Admission, Visit
from deployments.http.middleware import DETAIL, visit_of
from deployments.http.reporter import NO_MASK
from deployments.loop_offload import off_loop_if_large
from deployments.metrics import Metrics
from deployments.retrieval import Retrieval
from deployments.routes.request_reader import Asked, RequestReader
from deployments.warming import Warming, finds
from protocol.click import Click, Nothing, no_region
from protocol.finding import NO_FINDER, SILENT, Find
from protocol.predictions import encode_no_predictions, encode_predict, prediction, written_length
from values.click_answer import Busy, ClickAnswer, Region
from values.errors import BadLabelConfig, BadPrompt, Overloaded, ServiceError


class Predict:
    """The route. ``version``: of the model that serves. ``warm_images``: of one request, at most.

    ``retrieval``: what answers requests without prompts, None where nothing does. ``finder``: whether there
    is a detector, which finds things.
    """

    def __init__(
        self,
        reader: RequestReader,
        decoders: DecoderClient,
        warming: Warming,
        admission: Admission,
        metrics: Metrics,
        version: str,
        warm_images: int,
        retrieval: Retrieval | None,
        *,
        finder: bool = False,
    ) -> None:
        self._reader = reader
        self._decoders = decoders
        self._warming = warming
        self._admission = admission
        self._metrics = metrics
        self._version = version
        self._warm_images = warm_images
        self._retrieval = retrieval
        self._finder = finder

    async def __call__(self, request: Request) -> Response:
        """The answer to one request."""
        asked = await self._reader.tasks(request)
        try:
            return await self._answer(request, asked)
        except ServiceError as error:
            if asked.body.items:
                count = self._metrics.find if _is_find(request) else self._metrics.click
                count(error.code)
            if isinstance(error, (Overloaded, BadLabelConfig)):
                raise  # which costs nothing more, or has no line to tell it in
            note = await self._reader.note(asked, error.detail)
            if not note:
                raise
            # Label Studio throws the words of an error away, and shows these.
            request.state.no_mask, request.state.code = error.detail, error.code
            return _json(encode_predict(self._nothing(asked, note)))

    async def _answer(self, request: Request, asked: Asked) -> Response:
        started = time.perf_counter()
        find = await self._reader.find(asked)
        if isinstance(find, Find):
            return await self._found(request, asked, find)
        click = find or await self._reader.click(asked)
        if click is None:
            await self._warm(asked)
            return _json(await self._retrieved(asked))
        if click == SILENT:
            return _json(encode_predict(self._nothing(asked, [])))
        if isinstance(click, Nothing):
            self._metrics.click(NO_MASK)
            request.state.no_mask = click.reason
            return _json(encode_predict(self._nothing(asked, await self._reader.note(asked, click.reason))))
        parsed = time.perf_counter()
        answer = await self._ask(click, visit_of(request.scope))
        answered = time.perf_counter()
        if not answer.warm:
            self._warming.opened(asked.body)
        words = "" if answer.regions else no_region(click)
        request.state.no_mask = words
        regions = [*answer.regions, *await self._reader.note(asked, words)]
        results = self._nothing(asked, [])
        # The mask is the decoder's, and so is the version: a new model may be on its way.
        results[0] = prediction(regions, answer.score, answer.version)
        response = _json(await off_loop_if_large(written_length(results), encode_predict, results))
        seconds = {
            "parse": parsed - started,
            "route": answered - parsed - sum(answer.seconds.values()),
            "serialise": time.perf_counter() - answered,
        }
        for stage, value in seconds.items():
            self._metrics.stage(stage, value)
        self._metrics.click("ok" if answer.regions else NO_MASK)
        self._metrics.answered(time.perf_counter() - started, len(response.body), warm=answer.warm)
        response.headers["Server-Timing"] = _server_timing({**seconds, **answer.seconds}, answer.warm)
        return response

    async def _found(self, request: Request, asked: Asked, find: Find) -> Response:
        """All things that somebody asks for, each with its mask and score."""
        request.state.find = True
        if not self._finder:
            raise BadPrompt(NO_FINDER)
        started = time.perf_counter()
        answer = await self._decoders.find(find)
        if not answer.warm:
            self._warming.opened(asked.body)
        words = "" if answer.regions else find.nothing
        request.state.no_mask = words
        regions = [*answer.regions, *await self._reader.note(asked, words)]
        results = self._nothing(asked, [])
        results[0] = prediction(regions, answer.score, answer.version)
        response = _json(await off_loop_if_large(written_length(results), encode_predict, results))
        self._metrics.find("ok" if answer.regions else NO_MASK)
        seconds = {"route": time.perf_counter() - started - sum(answer.seconds.values()), **answer.seconds}
        response.headers["Server-Timing"] = _server_timing(seconds, answer.warm)
        return response

    async def _retrieved(self, asked: Asked) -> bytes:
        """Masks for the boxes of tasks, or nothing to store."""
        results = None if self._retrieval is None else await self._retrieval.results(asked)
        if results is None:
            return encode_no_predictions(len(asked.body.tasks))
        length = written_length([each for each in results if each])
        return await off_loop_if_large(length, encode_predict, results)

    def _nothing(self, asked: Asked, note: list[Region]) -> list[dict[str, Any]]:
        """One result for each task, without a mask; the prompts, and ``note``, are about the first."""
        others = len(asked.body.tasks) - 1
        empty = prediction([], 0.0, self._version)
        return [prediction(note, 0.0, self._version), *[empty] * others]

    async def _warm(self, asked: Asked) -> None:
        # One task is an opened one, on which somebody is about to click.
        opened = len(asked.body.tasks) == 1
        sources = await self._reader.images(asked, self._warm_images)
        self._warming.images(sources, opened=opened, find=self._finder and finds(asked.body))
        if opened:
            self._warming.opened(asked.body)

    async def _ask(self, click: Click, visit: Visit) -> ClickAnswer:
        """What the image's owner answers. Raises Overloaded where it has too much waiting."""
        visit.is_click()
        try:
            answer = await self._decoders.click(click)
        except ServiceError:
            visit.failed()
            raise
        self._admission.heard(answer.queue)
        if isinstance(answer, Busy):
            self._metrics.refused("decoder")
            raise Overloaded(DETAIL)
        return answer


def _is_find(request: Request) -> bool:
    """Whether it has turned out to ask to find things."""
    return bool(getattr(request.state, "find", False))


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _server_timing(seconds: dict[str, float], warm: bool) -> str:
    """Milliseconds by stage, in the header that browsers show in their network panel."""
    times = [f"{stage};dur={value * 1000:.2f}" for stage, value in seconds.items()]
    return ", ".join([*times, f"cache;desc={'hit' if warm else 'miss'}"])
