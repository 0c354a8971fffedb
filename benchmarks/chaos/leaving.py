"""Clients that leave before they are answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from testing.annotating.questions import Questions
from testing.app_metrics import total
from testing.running_app import RunningApp

CLIENTS = 200
STAY_S = 0.05

# Replicas report their metrics every few seconds.
_REPORTED_S = 12.0


@dataclass(frozen=True, slots=True)
class Left:
    """``decoded``: clicks that were decoded although their ``clients`` had left. ``begun``: the most that can
    have been in decode or finished by the time the last client left."""

    clients: int
    decoded: int
    begun: int


def leave(app: RunningApp, questions: Questions, decoding_threads: int) -> Left:
    """Let all clients click on known images at once and leave after ``STAY_S`` seconds."""
    time.sleep(_REPORTED_S)
    before, spent = _decoded(app)
    seconds = asyncio.run(_all(app.url, questions))
    time.sleep(_REPORTED_S)
    decoded = _decoded(app)[0] - before
    begun = decoding_threads * (math.ceil(seconds / (spent / max(1, before))) + 1)
    return Left(CLIENTS, decoded, begun)


def _decoded(app: RunningApp) -> tuple[int, float]:
    """The clicks that were decoded so far, and the seconds that decoding took."""
    name = "ray_sam_stage_seconds"
    count, seconds = (total(app, f"{name}_{part}", stage="decode") for part in ("count", "sum"))
    return int(count), seconds


async def _all(url: str, questions: Questions) -> float:
    """Seconds until the last one has left."""
    started = time.monotonic()
    await asyncio.gather(*(_one(url, questions) for _ in range(CLIENTS)))
    return time.monotonic() - started


async def _one(url: str, questions: Questions) -> None:
    parts = urlsplit(url)
    body = json.dumps(questions.known().body()).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await asyncio.sleep(STAY_S)
        writer.close()
        await writer.wait_closed()
