"""Hostile annotators, who click on images of their choosing or open tasks that list them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from testing.annotating.annotators import TIMEOUT_S
from testing.annotating.questions import SIZE
from testing.project_server import LABEL_CONFIG, request_of

OPENED_EACH_S = 1.0
BEGIN_S = 2.0
"""Seconds over which they begin. All in one moment would be an overload, which benchmarks.overload
measures."""
_REFUSED_S = 0.5  # pause after a refusal; without it the attacker's own requests would fill the machine

_LISTING = LABEL_CONFIG.replace('value="$image"', 'valueList="$images"')
_NUMBERS = itertools.count(5_000_000)


@contextlib.asynccontextmanager
async def clicking(url: str, images: Iterator[str], count: int, project: str) -> AsyncIterator[None]:
    """``count`` people who click, each on the next image as soon as the last one is answered."""

    async def click(http: httpx.AsyncClient, begin_s: float) -> None:
        await asyncio.sleep(begin_s)
        while True:
            body = request_of(next(_NUMBERS), SIZE) | {"project": project}
            body["tasks"][0]["data"]["image"] = next(images)
            await _post(http, body)
            await asyncio.sleep(_REFUSED_S)

    async with _client(url, count) as http, _busy(*(click(http, BEGIN_S * n / count) for n in range(count))):
        yield


@contextlib.asynccontextmanager
async def opening(url: str, images: Iterator[str], listed: int) -> AsyncIterator[None]:
    """A person who opens a task each second, with a list of so many images."""

    async def opens(http: httpx.AsyncClient) -> None:
        while True:
            body = request_of(next(_NUMBERS)) | {"label_config": _LISTING}
            body["tasks"][0]["data"] = {"images": list(itertools.islice(images, listed))}
            await _post(http, body)
            await asyncio.sleep(OPENED_EACH_S)

    async with _client(url, 1) as http, _busy(opens(http)):
        yield


def _client(url: str, count: int) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=count, max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False, limits=limits)


async def _post(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    with contextlib.suppress(httpx.HTTPError):
        await http.post("/predict", json=body)


@contextlib.asynccontextmanager
async def _busy(*work: Any) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
