"""Work on many things, in one process or several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def results(work: Callable[[T], R], things: Sequence[T], jobs: int) -> Iterator[R]:
    """What ``work`` makes of each thing, in order, as it is done."""
    if jobs == 1:
        yield from map(work, things)
        return
    # No fork: threads of OpenCV and their locks would not come along.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, things)
