"""``GET`` of /health, /versions, /metrics and /diagnose. No model is waited for in /health."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from deployments.calls.call import call
from deployments.http.request_guard import is_near
from deployments.http.responses import json_response
from deployments.ray_links import links
from deployments.saved_without_mask import SavedWithoutMask
from label_studio.pages import task_page
from label_studio.site import Site
from protocol.unaccepted import REMEDY
from values.errors import ServiceError
from values.served_model import ServedModel

logger = logging.getLogger("ray.serve")

PATIENCE_S = 5

MORE = (
    "sentences, addresses and ids are for whoever asks from this machine or by a password: "
    "set BASIC_AUTH_USER and BASIC_AUTH_PASS"
)
_ANSWERS = {True: "answers", False: "does not answer as it should"}


@dataclass(frozen=True, slots=True)
class _Part:
    """What one part said; ``answers`` is false when it is the sentence that says why it did not."""

    answers: bool
    said: Any


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found out: whether models and Label Studio answer, and what the journal keeps."""

    models: _Part
    label_studio: _Part
    failures: _Part
    warnings: _Part
    saved: _Part
    retrieved: _Part

    def in_full(self, site: Site | None) -> dict[str, Any]:
        """With every sentence: they name hosts, buckets, projects and tasks; of these on ``site``."""
        failures = self.failures.said
        if self.failures.answers:
            failures = {name: [asdict(each) for each in kept] for name, kept in failures.items()}
        return {
            "models": self.models.said,
            "label_studio": self.label_studio.said,
            "recent_failures": failures,
            "labeling_config_warnings": self.warnings.said,
            "saved_without_mask": self._saved(site),
            "retrieved_predictions": self._retrieved(),
        }

    def in_brief(self) -> dict[str, Any]:
        """For whoever asks: what answers, and how often what failed."""
        failed = Counter(
            each.code
            for kept in (self.failures.said.values() if self.failures.answers else ())
            for each in kept
        )
        return {
            "models": _ANSWERS[self.models.answers],
            "label_studio": _ANSWERS[self.label_studio.answers],
            "recent_failures": dict(failed),
            "more": MORE,
        }

    def _retrieved(self) -> Any:
        if not self.retrieved.answers:
            return self.retrieved.said
        return {name: [asdict(each) for each in kept] for name, kept in self.retrieved.said.items()}

    def _saved(self, site: Site | None) -> Any:
        if not self.saved.answers:
            return self.saved.said
        return {
            name: [asdict(each) | {"remedy": REMEDY, "link": _link(site, each)} for each in kept]
            for name, kept in self.saved.said.items()
        }


def _link(site: Site | None, saved: SavedWithoutMask) -> str | None:
    """Where the task is opened; None where this is not known."""
    if site is None or saved.task is None or not saved.project.isdecimal():
        return None
    return task_page(str(site.base), saved.project, saved.task)


async def diagnose(project: str | None, *, decoder: Any, fetcher: Any, journal: Any) -> Diagnosis:
    """A report for people, of one project or of all. Takes at most ``PATIENCE_S`` seconds."""

    def ask(send: Any, what: str) -> Awaitable[Any]:
        return call(send, timeout_s=PATIENCE_S, what=what)

    return Diagnosis(
        *await asyncio.gather(
            _or_sentence(ask(lambda: decoder.ready.remote(), "asking the decoder and the encoder")),
            _or_sentence(ask(lambda: fetcher.check.remote(), "asking Label Studio")),
            _or_sentence(ask(lambda: journal.failures.remote(project), "reading the journal")),
            _or_sentence(ask(lambda: journal.warnings.remote(project), "reading the journal")),
            _or_sentence(ask(lambda: journal.saved_without_mask.remote(project), "reading the journal")),
            _or_sentence(ask(lambda: journal.retrievals.remote(project), "reading the journal")),
        )
    )


async def _or_sentence(answer: Awaitable[Any]) -> _Part:
    """The answer, or the sentence that says why there is none."""
    try:
        return _Part(True, await answer)
    except ServiceError as error:
        return _Part(False, error.detail)
    except Exception:
        logger.exception("a part of /diagnose failed unexpectedly")
        return _Part(False, "unexpected error; its traceback is in the Ingress replica's log")


class Status:
    """The routes. ``locked``: whether everybody who gets in has the password. ``site``: the Label Studio that
    can be asked, if one is set."""

    def __init__(
        self,
        model: ServedModel,
        *,
        locked: bool,
        site: Site | None,
        decoder: Any,
        fetcher: Any,
        journal: Any,
    ) -> None:
        self._model = model
        self._locked = locked
        self._site = site
        self._decoder = decoder
        self._fetcher = fetcher
        self._journal = journal

    async def health(self, request: Request) -> Response:
        """Which model serves."""
        return json_response({"status": "UP", "model_class": "SegmentAnything", **self._about()})

    async def versions(self, request: Request) -> Response:
        """Its version, and why it is this one."""
        return json_response({"versions": [self._model.version], "message": self._model.reason})

    async def metrics(self, request: Request) -> Response:
        """Nothing: Label Studio's example backends answer {} here. One replica's numbers would mislead a
        scraper: Prometheus reads all replicas from Ray's own exporter.
        """
        return json_response({})

    async def diagnose(self, request: Request) -> Response:
        """What works and what failed last, by name for whoever is near or has the password."""
        known = self._locked or is_near(request.scope)
        project = request.query_params.get("project") if known else None
        found = await diagnose(project, decoder=self._decoder, fetcher=self._fetcher, journal=self._journal)
        answers = {
            "models": found.models.answers,
            "label_studio": found.label_studio.answers if self._site is not None else None,
        }
        told = (
            found.in_full(self._site) | {"answers": answers, "links": links()} if known else found.in_brief()
        )
        return json_response({"model": self._about(), **told})

    def _about(self) -> dict[str, Any]:
        return {
            "model": self._model.name,
            "model_version": self._model.version,
            "fallback": self._model.fallback,
            "reason": self._model.reason,
            "advice": self._model.advice,
            "finder": self._model.finder or "none",
        }
