"""Ingress: Label Studio's ML-backend protocol over HTTP. No model is waited for in /health and /setup."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deployments.calls.background import Background
from deployments.calls.decoder_client import Owners
from deployments.calls.large_values import LARGE
from deployments.calls.setup_configs import SetupConfigs
from deployments.calls.setup_tokens import OfferedTokens
from deployments.http.auth import BasicAuth
from deployments.http.diagnosis import diagnose
from deployments.http.door import DETAIL, Door, serves_here, visit_of
from deployments.http.entrance import is_near
from deployments.http.gate import Gate
from deployments.http.reporter import Reporter
from deployments.http.responses import http_exception, json_response, read_body
from deployments.journal import TOKEN_LIMIT, is_kept, shortened
from deployments.mask_prompt_decoders import DrawnMasks
from deployments.metrics import Meters
from deployments.off_loop import DearWork, loop_comes_first, off_loop_if_large
from deployments.options import IngressOptions
from deployments.prefetcher import Prefetcher
from deployments.project_places import ProjectPlaces
from deployments.startup_log import warn_at_once
from imaging.options import ImageOptions
from imaging.project_tasks import ProjectTasks
from label_studio.site import Site
from protocol import config_warnings, label_config
from protocol.bodies.predict import PredictBody, read_predict
from protocol.bodies.setup import SetupBody, read_setup, read_setup_token
from protocol.bodies.webhook import read_webhook
from protocol.click import Nothing, no_region, read_click, read_images
from protocol.cost import ON_LOOP_MS, click_ms, images_ms, warnings_ms
from protocol.options import ReadOptions
from protocol.responses import encode_predict, prediction, written_length
from values.click_answer import Busy
from values.errors import BadRequest, DeadlineExceeded, ImageError, OtherVersion, Overloaded, ServiceError
from values.image import ImageSource
from values.one_line import shown
from values.priority import Priority
from values.served_model import ServedModel

logger = logging.getLogger("ray.serve")

EMBED_IMAGES = 100
"""Images of one request to /embed."""

AHEAD = 32
"""Images that nobody waits for with the decoders at once, of one ingress replica. How many are encoded
at once the decoders say (ENCODE_AHEAD); this bounds what waits there, to leave room for clicks."""

FORGET_IMAGES = 1000
"""Images of one request to /forget."""

TRAIN_EVENTS = frozenset({"ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATION_DELETED", "START_TRAINING"})


class Ingress:
    """Reads requests, sends each click to the decoder that owns its image, writes answers."""

    def __init__(
        self,
        options: IngressOptions,
        images: ImageOptions,
        reading: ReadOptions,
        model: ServedModel,
        decoder: Any,
        fetcher: Any,
        journal: Any,
    ) -> None:
        warn_at_once()
        self._options = options
        self._images = images
        self._reading = reading
        self._model = model
        self._decoder = decoder
        self._fetcher = fetcher
        self._journal = journal
        self._owners = Owners(decoder, images, options.predict_timeout_s)
        self._prefetcher = self._new_prefetcher(OfferedTokens(images, journal))
        self._meters = Meters()
        self.background = Background(limit=256)
        self._ahead = ProjectPlaces(AHEAD)
        self.reporter = Reporter(journal, self._meters)
        self._configs = SetupConfigs(journal)
        self._dear = DearWork()
        self._drawn = DrawnMasks(reading)
        loop_comes_first()
        self.gate = Gate(options.max_wait_s)
        serves_here(self.gate, self._turned_away)

    def __serve_build_asgi_app__(self) -> Starlette:
        routes = [
            ("/", "GET", self._health),
            ("/health", "GET", self._health),
            ("/setup", "POST", self._setup),
            ("/predict", "POST", self._predict),
            ("/embed", "POST", self._embed),
            ("/forget", "POST", self._forget),
            ("/webhook", "POST", self._webhook),
            ("/versions", "GET", self._versions),
            ("/metrics", "GET", self._metrics),
            ("/diagnose", "GET", self._diagnose),
        ]
        app = Starlette(
            routes=[
                Route(spelling, self.reporter.guarded(path, handler), methods=[method])
                for path, method, handler in routes
                for spelling in dict.fromkeys((path, path.rstrip("/") + "/"))
            ],
            middleware=list(self._doors()),
            exception_handlers={HTTPException: http_exception},
        )
        # Both spellings are routes. A redirect would name whatever Host the request does, and lose its body.
        app.router.redirect_slashes = False
        return app

    @property
    def _locked(self) -> bool:
        """Whether everybody who gets in has the password."""
        return bool(self._options.basic_auth_user and self._options.basic_auth_pass)

    def _doors(self) -> Iterator[Middleware]:
        yield Middleware(Door, gate=lambda: self.gate, refused=self._turned_away)
        user, password = self._options.basic_auth_user, self._options.basic_auth_pass
        if user and password:
            yield Middleware(BasicAuth, user=user, password=password.get_secret_value())

    async def _health(self, request: Request) -> Response:
        return json_response({"status": "UP", "model_class": "SegmentAnything", **self._about()})

    async def _versions(self, request: Request) -> Response:
        return json_response({"versions": [self._model.version], "message": self._model.reason})

    async def _metrics(self, request: Request) -> Response:
        # Label Studio's example backends answer {} here. One replica's numbers would mislead a scraper:
        # Prometheus reads all replicas from Ray's own exporter.
        return json_response({})

    async def _setup(self, request: Request) -> Response:
        raw = await self._read(request)
        body = await off_loop_if_large(len(raw), read_setup, raw)
        request.state.project = body.project_id
        warnings = await self._dear.run(warnings_ms(body.schema), body.project_id, _warnings, body.schema)
        if body.project_id and body.schema.strip() and is_kept(body.schema):
            self._configs.keep(body.project_id, body.schema)
            self.reporter.configured(body.project_id, body.schema)
        if self._images.use_setup_token:
            token = await off_loop_if_large(len(raw), read_setup_token, raw)
            warnings += self._offer(body, token)
        warnings = shortened(warnings)
        self.reporter.warned(body.project_id, warnings)
        return json_response({"model_version": self._model.version, "warnings": warnings})

    async def _webhook(self, request: Request) -> Response:
        raw = await self._read(request)
        body = await off_loop_if_large(len(raw), read_webhook, raw)
        if body.action == "ANNOTATION_CREATED":
            self._prefetcher.opened(body.about)
        if body.action in TRAIN_EVENTS:
            return json_response({"result": None, "status": "ok"}, 201)
        return json_response({"status": "Unknown event"})

    async def _predict(self, request: Request) -> Response:
        started = time.perf_counter()
        raw = await self._read(request)
        body = await off_loop_if_large(len(raw), read_predict, raw)
        request.state.project, request.state.task = body.project_id, body.task_id
        body = await self._configured(body)
        ms = _in_all_ms(raw, click_ms(body))
        click = await self._dear.run(ms, body.project_id, read_click, body, self._drawn, self._reading)
        if click is None:
            # One task is an opened one, on which somebody is about to click.
            opened = len(body.tasks) == 1
            sources = await self._read_images(raw, body, self._options.warm_images)
            self._warm(sources, opened=opened)
            if opened:
                self._prefetcher.opened(body)
            return _predictions([])
        # One result for each task; the prompts are about the first.
        results = [prediction([], 0.0, self._model.version)] * len(body.tasks)
        if isinstance(click, Nothing):
            request.state.no_mask = click.reason
            return _predictions(results)
        parsed = time.perf_counter()
        visit = visit_of(request.scope)
        visit.is_click()
        try:
            answer = await self._owners.click(click)
        except ServiceError:
            visit.failed()
            raise
        self.gate.heard(answer.queue)
        if isinstance(answer, Busy):
            self._meters.refused("decoder")
            raise Overloaded(DETAIL)
        answered = time.perf_counter()
        if not answer.warm:
            self._prefetcher.opened(body)
        if not answer.regions:
            request.state.no_mask = no_region(click)
        # The mask is the decoder's, and so is the version: a new model may be on its way.
        results[0] = prediction(answer.regions, answer.score, answer.version)
        response = _json(await off_loop_if_large(written_length(results), encode_predict, results))
        seconds = {
            "parse": parsed - started,
            "route": answered - parsed - sum(answer.seconds.values()),
            "serialise": time.perf_counter() - answered,
        }
        for stage, value in seconds.items():
            self._meters.stage(stage, value)
        response.headers["Server-Timing"] = _server_timing({**seconds, **answer.seconds}, answer.warm)
        return response

    async def _embed(self, request: Request) -> Response:
        """Not of Label Studio's protocol: `precompute` fills the durable tier with it."""
        sources = await self._images_of(request, "/embed", EMBED_IMAGES)
        timeout_s = self._options.predict_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return json_response({"results": await asyncio.gather(*map(self._store, sources))})
        except TimeoutError:
            raise DeadlineExceeded(
                f"not all {len(sources)} images were encoded within {timeout_s:g} s; send the request again: "
                "what is stored is not encoded anew"
            ) from None

    async def _store(self, source: ImageSource) -> dict[str, Any]:
        try:
            async with self._ahead.of(source.project):
                stored = await self._owners.store(source)
        except ImageError as error:
            task = "" if source.task is None else str(source.task)
            self.reporter.failed("/embed", error, project=source.project, task=task)
            return {"task": source.task, "state": "failed", "error": error.code, "detail": error.detail}
        return {"task": source.task, "state": "stored" if stored else "encoded"}

    async def _forget(self, request: Request) -> Response:
        """Not of Label Studio's protocol: the command `forget` purges embeddings with it."""
        sources = await self._images_of(request, "/forget", FORGET_IMAGES)
        return json_response({"forgotten": await self._owners.forget(sources)})

    async def _images_of(self, request: Request, route: str, limit: int) -> list[ImageSource]:
        raw = await self._read(request)
        body = await off_loop_if_large(len(raw), read_predict, raw)
        request.state.project, request.state.task = body.project_id, body.task_id
        body = await self._configured(body)
        sources = await self._read_images(raw, body, limit + 1)
        if len(sources) > limit:
            raise BadRequest(f"a request to {route} may have {limit} images; send fewer tasks at once")
        return sources

    async def _read_images(self, raw: bytes, body: PredictBody, limit: int) -> list[ImageSource]:
        ms = _in_all_ms(raw, images_ms(body))
        return await self._dear.run(ms, body.project_id, read_images, body, limit)

    async def _diagnose(self, request: Request) -> Response:
        known = self._locked or is_near(request.scope)
        project = request.query_params.get("project") if known else None
        found = await diagnose(project, decoder=self._decoder, fetcher=self._fetcher, journal=self._journal)
        return json_response({"model": self._about(), **(found.in_full() if known else found.in_brief())})

    def _new_prefetcher(self, tokens: OfferedTokens) -> Prefetcher:
        able = tokens.wanted or self._images.label_studio_api_key is not None
        count = self._options.prefetch_tasks if able else 0
        return Prefetcher(count, ProjectTasks(self._images), self._warm_next, tokens.of)

    def _turned_away(self) -> None:
        self.reporter.turned_away(Overloaded(DETAIL))

    async def _read(self, request: Request) -> bytes:
        return await read_body(request, self._options.max_body_mib << 20)

    def _warm(self, sources: list[ImageSource], *, opened: bool) -> None:
        """Have the images encoded; of an opened task the first is the one that somebody looks at."""
        for number, source in enumerate(sources):
            if opened and number == 0:
                self.background.start(self._warm_one(source, Priority.OPENED))
            else:
                self.background.start(self._warm_next(source))

    async def _warm_next(self, source: ImageSource) -> bool:
        """Have an image encoded ahead, when there is a place; False where that may succeed a little later."""
        async with self._ahead.of(source.project):
            return await self._warm_one(source, Priority.NEXT)

    async def _warm_one(self, source: ImageSource, priority: Priority) -> bool:
        try:
            await self._owners.warm(source, priority)
        except ServiceError as error:
            task = "" if source.task is None else str(source.task)
            self.reporter.failed("warm", error, project=source.project, task=task)
            return not isinstance(error, (Overloaded, DeadlineExceeded, OtherVersion))
        return True

    async def _configured(self, body: PredictBody) -> PredictBody:
        """The body with a labeling config: where it brings none, that of its project's last /setup."""
        if (body.label_config or "").strip():
            return body
        known = await self._configs.of(body.project_id)
        return body if known is None else msgspec.structs.replace(body, label_config=known)

    def _offer(self, body: SetupBody, token: str | None) -> list[str]:
        """Keep the token that came with /setup; or a sentence that says why it is not kept."""
        site = Site.of(self._images)
        if token is None or not body.project_id:
            return []
        if site is None or not site.is_named(body.hostname):
            return [
                f'the token that Label Studio sent from "{shown(body.hostname)}" is not used: that is not '
                "LABEL_STUDIO_URL; if it is the same Label Studio, add it to LABEL_STUDIO_ALIASES"
            ]
        if len(token.encode()) > TOKEN_LIMIT:
            return [f"the token that Label Studio sent is not used: it has over {TOKEN_LIMIT} bytes"]
        self.reporter.offered(body.project_id, token)
        return []

    def _about(self) -> dict[str, Any]:
        return {
            "model": self._model.name,
            "model_version": self._model.version,
            "fallback": self._model.fallback,
            "reason": self._model.reason,
        }


def _in_all_ms(raw: bytes, estimate_ms: float) -> float:
    """What something about the body ``raw`` takes, where a single value of it may be large."""
    return estimate_ms + len(raw) / LARGE * ON_LOOP_MS


def _warnings(schema: str) -> list[str]:
    try:
        return config_warnings.warnings(label_config.parse(schema))
    except ServiceError as error:
        return [error.detail]


def _predictions(results: list[dict[str, Any]]) -> Response:
    return _json(encode_predict(results))


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _server_timing(seconds: dict[str, float], warm: bool) -> str:
    """Milliseconds by stage, in the header that browsers show in their network panel."""
    times = [f"{stage};dur={value * 1000:.2f}" for stage, value in seconds.items()]
    return ", ".join([*times, f"cache;desc={'hit' if warm else 'miss'}"])
