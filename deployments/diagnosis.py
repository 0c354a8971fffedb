"""What /diagnose finds out when asked: which part answers, what failed last, what is wrong with a config."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Any

from deployments.calls import call
from values.errors import ServiceError

logger = logging.getLogger("ray.serve")

PATIENCE_S = 5


async def diagnose(project: str | None, *, decoder: Any, fetcher: Any, journal: Any) -> dict[str, Any]:
    """A report for people, of one project or of all. Takes at most ``PATIENCE_S`` seconds."""

    def ask(send: Any, what: str) -> Awaitable[Any]:
        return call(send, timeout_s=PATIENCE_S, what=what)

    models, label_studio, failures, warnings = await asyncio.gather(
        _or_sentence(ask(lambda: decoder.ready.remote(), "asking the decoder and the encoder")),
        _or_sentence(ask(lambda: fetcher.check.remote(), "asking Label Studio")),
        _or_sentence(ask(lambda: journal.failures.remote(project), "reading the journal")),
        _or_sentence(ask(lambda: journal.warnings.remote(project), "reading the journal")),
    )
    if isinstance(failures, dict):
        failures = {name: [asdict(each) for each in kept] for name, kept in failures.items()}
    return {
        "models": models,
        "label_studio": label_studio,
        "recent_failures": failures,
        "labeling_config_warnings": warnings,
    }


async def _or_sentence(answer: Awaitable[Any]) -> Any:
    """The answer, or the sentence that says why there is none."""
    try:
        return await answer
    except ServiceError as error:
        return error.detail
    except Exception:
        logger.exception("a part of /diagnose failed in a way nobody foresaw")
        return "unexpected error; its traceback is in the Ingress replica's log"
