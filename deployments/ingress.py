"""Ingress: Label Studio's ML-backend protocol over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from concurrency.background import ProjectPlaces
from deployments.calls.decoder_client import DecoderClient
from deployments.calls.last_setup import SetupConfigs, SetupTokens
from deployments.http.admission import Admission
from deployments.http.auth import BasicAuth
from deployments.http.middleware import DETAIL, AdmissionMiddleware, serves_here
from deployments.http.reporter import Handler, Reporter
from deployments.http.responses import http_exception
from deployments.loop_offload import CostlyWork, loop_comes_first
from deployments.metrics import Metrics
from deployments.observability import observe
from deployments.options import IngressOptions
from deployments.preannotation import Preannotation
from deployments.prediction_store import PredictionStore
from deployments.retrieval import Retrieval
from deployments.routes.embed import Embed
from deployments.routes.forget import Forget
from deployments.routes.pages import PrefixPage, with_pages
from deployments.routes.phrases import Phrases
from deployments.routes.preannotate import Preannotate
from deployments.routes.predict import Predict
from deployments.routes.request_reader import RequestReader
from deployments.routes.setup import Setup
from deployments.routes.status import Status
from deployments.routes.webhook import Webhook
from deployments.warming import Warming
from imaging.mask_prompt_decoders import MaskPromptDecoders
from imaging.options import ImageOptions
from label_studio.site import Site
from protocol.finding import found_version
from protocol.options import ReadOptions
from values.errors import Overloaded
from values.served_model import ServedModel

AHEAD = 32
"""Images that nobody waits for with the decoders at once, of one ingress replica. How many are encoded
at once the decoders say (ENCODE_AHEAD); this bounds what waits there, to leave room for clicks."""


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
        finder: Any = None,
    ) -> None:
        """``finder``: the deployment that reads phrases, where ``model`` names a detector."""
        observe()
        loop_comes_first()
        self._options = options
        metrics = Metrics()
        self.reporter = Reporter(journal, metrics)
        self.admission = Admission(options.max_wait_s)
        serves_here(self.admission, self._turned_away)
        decoders = DecoderClient(decoder, images, options.predict_timeout_s)
        ahead = ProjectPlaces(AHEAD)
        tokens = SetupTokens(images, journal)
        self.warming = Warming(decoders, self.reporter, ahead, images, tokens, options.prefetch_tasks)
        configs, costly = SetupConfigs(journal), CostlyWork()
        self.reader = reader = RequestReader(
            options.max_body_mib, reading, MaskPromptDecoders(reading), configs, costly
        )
        preannotation = Preannotation(reader, decoders, ahead, self.reporter, model.version, model.finder)
        self.predictions = PredictionStore(images, tokens)
        self.retrieval = Retrieval(
            reader,
            preannotation,
            self.predictions,
            self.reporter,
            journal,
            found_version(model.finder, model.version) if reading.retrieve == "find" else model.version,
            options.predict_timeout_s,
            reading.output_order,
            retrieve=reading.retrieve,
        )
        predict = Predict(
            reader,
            decoders,
            self.warming,
            self.admission,
            metrics,
            model.version,
            options.warm_images,
            None if reading.retrieve == "none" else self.retrieval,
            finder=bool(model.finder),
        )
        locked = bool(options.basic_auth_user and options.basic_auth_pass)
        site = Site.of(images)
        status = Status(model, locked=locked, site=site, decoder=decoder, fetcher=fetcher, journal=journal)
        webhook = Webhook(reader, self.warming, self.reporter, costly, reading.output_order)
        setup = Setup(
            reader,
            images,
            configs,
            costly,
            self.reporter,
            model.version,
            reading.output_order,
            finder=bool(model.finder),
        )
        routes: list[tuple[str, str, Handler]] = [
            ("/", "GET", status.health),
            ("/health", "GET", status.health),
            ("/setup", "POST", setup),
            ("/predict", "POST", predict),
            ("/embed", "POST", Embed(reader, decoders, ahead, self.reporter, options.predict_timeout_s)),
            (
                "/preannotate",
                "POST",
                Preannotate(reader, preannotation, model.version, options.predict_timeout_s),
            ),
            ("/phrases", "POST", Phrases(reader, finder, model.finder, options.predict_timeout_s)),
            ("/forget", "POST", Forget(reader, decoders)),
            ("/webhook", "POST", webhook),
            ("/versions", "GET", status.versions),
            ("/metrics", "GET", status.metrics),
            ("/diagnose", "GET", status.diagnose),
        ]
        self._routes = with_pages(routes) if options.pages else routes

    def __serve_build_asgi_app__(self) -> Starlette:
        app = Starlette(
            routes=[
                Route(spelling, self.reporter.guarded(path, handler), methods=[method])
                for path, method, handler in self._routes
                for spelling in dict.fromkeys((path, path.rstrip("/") + "/"))
            ],
            middleware=list(self._doors()),
            exception_handlers={HTTPException: http_exception},
        )
        # Both spellings are routes. A redirect would name whatever Host the request does, and lose its body.
        app.router.redirect_slashes = False
        return app

    def _doors(self) -> Iterator[Middleware]:
        yield Middleware(AdmissionMiddleware, admission=lambda: self.admission, refused=self._turned_away)
        user, password = self._options.basic_auth_user, self._options.basic_auth_pass
        if user and password:
            yield Middleware(BasicAuth, user=user, password=password.get_secret_value())
        if self._options.pages:
            yield Middleware(PrefixPage)

    def _turned_away(self) -> None:
        self.reporter.turned_away(Overloaded(DETAIL))
