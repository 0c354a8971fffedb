"""Where work is done, and whose turn it is."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading

from deployments.calls.large_values import LARGE
from deployments.loop_offload import (
    COSTLY_MS,
    SWITCH_S,
    CostlyWork,
    loop_comes_first,
    off_loop_if,
    off_loop_if_large,
)


class Piece:
    """Work that goes on until it is let go; ``threads``: the names of those that did it."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.begun: list[str] = []

    def __call__(self, name: str) -> str:
        self.begun.append(name)
        self.let_go.wait()
        return threading.current_thread().name


async def begun(piece: Piece, count: int) -> None:
    while len(piece.begun) < count:
        await asyncio.sleep(0)


async def test_cheap_work_is_done_on_the_loop_and_other_work_in_threads_of_its_own() -> None:
    here, piece = threading.current_thread().name, Piece()
    piece.let_go.set()
    costly = CostlyWork()
    assert await costly.run(1, "1", piece, "") == here == await off_loop_if_large(LARGE, piece, "")
    assert (await costly.run(10, "1", piece, "")).startswith("reads_")
    assert (await off_loop_if(True, piece, "")).startswith("reads_")
    assert (await costly.run(COSTLY_MS, "1", piece, "")).startswith("reads-costly_")


async def test_a_project_has_one_costly_piece_at_a_time_and_nobody_waits_for_it() -> None:
    piece, costly = Piece(), CostlyWork()
    pieces = [asyncio.create_task(costly.run(1e9, "1", piece, f"costly {number}")) for number in range(9)]
    await begun(piece, 1)
    pieces.append(asyncio.create_task(costly.run(1e9, "2", piece, "costly, of another")))
    await begun(piece, 2)
    pieces.append(asyncio.create_task(off_loop_if(True, piece, "a large body")))
    await begun(piece, 3)
    assert piece.begun == ["costly 0", "costly, of another", "a large body"]
    piece.let_go.set()
    await asyncio.gather(*pieces)
    assert len(piece.begun) == 11


def test_the_loop_waits_for_no_thread_and_for_no_garbage_of_the_start() -> None:
    loop_comes_first()
    assert sys.getswitchinterval() == SWITCH_S
    assert gc.get_freeze_count() > 0
