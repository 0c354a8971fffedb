"""Requests one after another, and what is wrong with their answers."""

from __future__ import annotations

import asyncio
import heapq
import json
import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.fuzz.requests import Request, request
from benchmarks.fuzz.targets import Answer, Target
from pages.files import read_files
from values.errors import ImageError, error_classes

LIMIT_S = 5.0
"""Seconds after which a request counts as one that hangs."""

GROWTH_MIB = 300
"""Growth of the peak memory that is allowed over a run."""

WARMING = 200
"""Requests before memory is first measured: until then modules are imported and pools fill."""

SETTLE_EVERY = 50
_KEPT = 20  # findings of one kind that are listed
_DOCUMENTED = {(kind.status, kind.code) for kind in error_classes(ImageError) if kind.status >= 500}
_PAGES = {file.content for file in read_files().values()}  # the one kind of answer that is no JSON


@dataclass(slots=True)
class Run:
    """The findings of a run."""

    seed: int
    count: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    found: int = 0
    slowest: list[tuple[float, str]] = field(default_factory=list)
    hungriest: list[tuple[float, str]] = field(default_factory=list)
    growth_mib: float = 0.0

    def note(self, request: Request, what: str) -> None:
        """Record what is wrong with the answer to this request."""
        self.found += 1
        if len(self.findings) < _KEPT:
            self.findings.append(f"seed {self.seed}, {request}: {what}")

    def took(self, request: Request, seconds: float, mib: float) -> None:
        """Record the request if it is among the five slowest, or the five that raised peak memory the
        most."""
        for kept, figure in ((self.slowest, seconds), (self.hungriest, mib)):
            heapq.heappush(kept, (figure, str(request)))
            if len(kept) > 5:
                heapq.heappop(kept)

    @property
    def is_kept(self) -> bool:
        """Whether nothing was wrong."""
        return not self.found and self.growth_mib <= GROWTH_MIB


async def run(
    target: Target, seed: int, numbers: range, shown: Callable[[Run, Request], None], limit_s: float = LIMIT_S
) -> Run:
    """Send the requests of these numbers. ``shown`` is called before each."""
    told = Run(seed)
    calm = peak_mib()
    for number in numbers:
        if told.count == WARMING:
            calm = peak_mib()
        one = request(seed, number, target.routes)
        shown(told, one)
        started, before = time.perf_counter(), peak_mib()
        try:
            async with asyncio.timeout(limit_s):
                answer = await target.send(one)
        except TimeoutError:
            told.note(one, f"no answer within {limit_s:g} s")
        except Exception as error:
            told.note(one, f"the application raised {type(error).__name__}: {error}"[:300])
        else:
            told.statuses[answer.status] += 1
            wrong = [wrong_with(one, answer), target.unforeseen()]
            if any(wrong):
                told.note(one, "; ".join(filter(None, wrong)))
            if time.perf_counter() - started > limit_s:
                told.note(one, f"it held the event loop for over {limit_s:g} s")
        told.took(one, time.perf_counter() - started, peak_mib() - before)
        told.count += 1
        if told.count % SETTLE_EVERY == 0:
            await target.settle()
    await target.settle()
    told.growth_mib = peak_mib() - calm
    return told


def wrong_with(request: Request, answer: Answer) -> str:
    """What is wrong with an answer; "" where nothing is."""
    if request.leaves or answer.status == 0:
        return "" if answer.status < 500 else f"{answer.status} for a client that has left"
    if request.verb == "HEAD" or not answer.content:
        return "" if answer.status < 500 else f"{answer.status} without a body"
    if answer.status == 200 and answer.content in _PAGES:
        return ""
    try:
        said = json.loads(answer.content)
    except ValueError:
        said = None
    if not isinstance(said, dict) or "json" not in answer.content_type:
        return f"{answer.status} with a body that is no JSON object: {answer.content[:100]!r}"
    if answer.status < 400:
        return ""
    code, detail = said.get("error"), said.get("detail")
    if not (isinstance(code, str) and isinstance(detail, str) and detail):
        return f"{answer.status} without a code and a sentence: {answer.content[:100]!r}"
    if answer.status >= 500 and (answer.status, code) not in _DOCUMENTED:
        return f"{answer.status} {code}: {detail[:200]}"
    if "Traceback" in detail or not detail.isprintable():
        return f"{answer.status} {code} with a sentence that is no line: {detail[:200]!r}"
    return ""


def peak_mib() -> float:
    """Peak memory of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
