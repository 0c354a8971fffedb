"""Annotators who click steadily, and a client that asks /health, whatever happens to the application."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from testing import processes
from testing.annotating.questions import Question, Questions

TIMEOUT_S = 100.0
"""Seconds that Label Studio waits for a click."""

HEALTH_TIMEOUT_S = 1.0
"""Seconds that Label Studio waits for /health before it shows the model as disconnected."""


@dataclass(frozen=True, slots=True)
class Click:
    """``sent`` and ``ended``: seconds of the monotonic clock. ``outcome``: `right`, `wrong`, or, of a lost
    one, a status or the name of an exception."""

    sent: float
    ended: float
    cold: bool
    outcome: str

    @property
    def seconds(self) -> float:
        """How long the annotator waited."""
        return self.ended - self.sent

    @property
    def answered(self) -> bool:
        """Whether a mask came back, the right one or not."""
        return self.outcome in ("right", "wrong")


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to /health: ``up`` if it was answered with 200 in time."""

    sent: float
    ended: float
    up: bool


class Annotators:
    """``count`` annotators and a client that asks /health, at work until the end of the ``with`` block.

    Each annotator clicks ``pause_s`` after the last answer. Each request opens a connection, as Label
    Studio's do.
    """

    def __init__(self, url: str, questions: Questions, count: int = 4, pause_s: float = 0.1) -> None:
        self.clicks: list[Click] = []
        self.probes: list[Probe] = []
        self._waiting: set[int] = set()
        self._url = url
        self._questions = questions
        self._pause_s = pause_s
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._annotate, daemon=True) for _ in range(count)]
        self._threads.append(threading.Thread(target=self._watch, daemon=True))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def until_one_waits(self) -> None:
        """Return while a click is being answered."""
        while not self._waiting:
            time.sleep(0.001)

    def _annotate(self) -> None:
        processes.come_first()
        own = threading.get_ident()
        with client(self._url, TIMEOUT_S) as http:
            while not self._enough.is_set():
                self._waiting.add(own)
                self.clicks.append(clicked(http, self._questions))
                self._waiting.discard(own)
                self._enough.wait(self._pause_s)

    def _watch(self) -> None:
        processes.come_first()
        with client(self._url, HEALTH_TIMEOUT_S) as http:
            while not self._enough.is_set():
                sent = time.monotonic()
                try:
                    up = http.get("/health").status_code == 200
                except httpx.HTTPError:
                    up = False
                self.probes.append(Probe(sent, time.monotonic(), up))
                self._enough.wait(0.05)


def client(url: str, timeout_s: float) -> httpx.Client:
    """Opens a connection for every request."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=url, timeout=timeout_s, trust_env=False, limits=limits)


def asking(http: httpx.Client) -> Callable[[Question], dict[str, Any]]:
    """Asks a question; raises where it is not answered."""

    def ask(question: Question) -> dict[str, Any]:
        answer: dict[str, Any] = http.post("/predict", json=question.body()).raise_for_status().json()
        return answer

    return ask


def clicked(http: httpx.Client, questions: Questions) -> Click:
    """The next click, and what became of it."""
    question = questions.next()
    sent = time.monotonic()
    try:
        right = questions.is_right(question, asking(http)(question))
        outcome = "right" if right else "wrong"
    except httpx.HTTPStatusError as error:
        outcome = str(error.response.status_code)
    except (httpx.HTTPError, ValueError) as error:
        outcome = type(error).__name__
    return Click(sent, time.monotonic(), question.cold, outcome)
