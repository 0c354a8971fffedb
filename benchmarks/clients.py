"""Clients that click again as soon as they are answered, or after a pause."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from testing.project_server import request_of
from testing.running_app import RunningApp

SIZE = (320, 240)
"""Width and height of the images."""


@dataclass(frozen=True)
class Clients:
    """``count`` clients that click for some seconds, each time on the image that ``number`` gives next."""

    count: int
    seconds: float
    number: Callable[[], int]
    pause_s: float = 0.0

    def annotate(self, app: RunningApp) -> tuple[list[float], int]:
        """Milliseconds of each click that was answered, and how many failed."""
        until = time.perf_counter() + self.seconds
        with ThreadPoolExecutor(self.count) as threads:
            done = list(threads.map(lambda _: self._annotate(app, until), range(self.count)))
        return [each for answered, _ in done for each in answered], sum(failed for _, failed in done)

    def _annotate(self, app: RunningApp, until: float) -> tuple[list[float], int]:
        answered, failed = [], 0
        with client_of(app) as client:
            while (started := time.perf_counter()) < until:
                if click(client, self.number()):
                    answered.append((time.perf_counter() - started) * 1000)
                else:
                    failed += 1
                time.sleep(self.pause_s)
        return answered, failed


def client_of(app: RunningApp) -> httpx.Client:
    """A client that keeps its connections."""
    return httpx.Client(base_url=app.url, timeout=120, trust_env=False)


def click(client: httpx.Client, number: int) -> bool:
    """Click on the image of task ``number``; whether an answer came."""
    return client.post("/predict", json=request_of(number, SIZE)).is_success
