"""Annotators who click: each waits for a mask, thinks, and clicks again."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.peer.scenes import Scene

# Seconds after which Label Studio gives a click up.
PATIENCE_S = 100.0

# Label Studio shows nothing when a click fails, so annotators click again only after a while.
_PUZZLED_S = 1.0

FAILED = 0
"""The status of a click without an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``scene``, ``click``: the request. ``seconds``: until the answer was read. ``body``: the answer."""

    scene: Scene
    click: int
    seconds: float
    status: int
    body: bytes

    @property
    def well(self) -> bool:
        """Whether it was answered at all."""
        return self.status == http.client.OK


@dataclass(frozen=True, slots=True)
class Crowd:
    """``answers`` of all annotators in no order; ``seconds`` from the first click to the last answer."""

    answers: list[Answer]
    seconds: float


def ask(url: str, scene: Scene, click: int, patience: float = PATIENCE_S) -> Answer:
    """One click, over a connection of its own as Label Studio makes one. Never raises."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=patience)
    started = time.perf_counter()
    status, body = FAILED, b""
    try:
        headers = {"Content-Type": "application/json", "Connection": "close"}
        connection.request("POST", f"{place.path}/predict", scene.requests[click], headers)
        response = connection.getresponse()
        body = response.read()
        status = response.status
    except (OSError, http.client.HTTPException) as error:
        body = repr(error).encode()
    finally:
        connection.close()
    return Answer(scene, click, time.perf_counter() - started, status, body)


def crowd(url: str, scenes: Sequence[Scene], seconds: float, think: float) -> Crowd:
    """An annotator for each of ``scenes``; none clicks again after ``seconds``, and all are waited for.

    ``think``: seconds between an answer and the next click, on average; how they differ is always the same.
    """
    began = time.perf_counter()
    kept: list[list[Answer]] = [[] for _ in scenes]
    threads = [
        threading.Thread(target=_annotate, args=(url, scene, index, began + seconds, think, kept[index]))
        for index, scene in enumerate(scenes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Crowd([answer for answers in kept for answer in answers], time.perf_counter() - began)


def _annotate(url: str, scene: Scene, index: int, until: float, think: float, kept: list[Answer]) -> None:
    pauses = random.Random(index)
    if think:
        time.sleep(pauses.uniform(0, think))
    click = index
    while True:
        answer = ask(url, scene, click % len(scene.requests))
        kept.append(answer)
        click += 1
        pause = pauses.uniform(0.5 * think, 1.5 * think) if think or answer.well else _PUZZLED_S
        if time.perf_counter() + pause >= until:
            break
        time.sleep(pause)
