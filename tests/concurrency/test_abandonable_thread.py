"""A call that hangs holds up nothing but itself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from concurrency.abandonable_thread import aside
from testing.running_app import ROOT

HANGING = """
import asyncio, threading
from concurrency.abandonable_thread import aside

async def main():
    hanging = asyncio.create_task(aside(threading.Event().wait))
    await asyncio.sleep(0)
    hanging.cancel()

asyncio.run(main())
"""


async def test_the_result_and_the_error_arrive() -> None:
    assert await aside(lambda: 7) == 7
    with pytest.raises(OSError, match="full"):
        await aside(lambda: (_ for _ in ()).throw(OSError("full")))


async def test_it_runs_elsewhere() -> None:
    assert await aside(threading.current_thread) is not threading.current_thread()


async def test_who_leaves_is_not_told() -> None:
    end, threads = threading.Event(), list[threading.Thread]()
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    def work() -> None:
        threads.append(threading.current_thread())
        end.wait()

    waiting = asyncio.create_task(aside(work))
    while not threads:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    end.set()
    await aside(threads[0].join)
    assert complaints == []


def test_the_loop_may_be_closed_before_it_ends() -> None:
    end, threads = threading.Event(), list[threading.Thread]()

    def work() -> None:
        threads.append(threading.current_thread())
        end.wait()

    async def leave() -> None:
        waiting = asyncio.create_task(aside(work))
        while not threads:
            await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    end.set()
    threads[0].join()


def test_the_process_ends_while_it_hangs() -> None:
    finished = subprocess.run([sys.executable, "-c", HANGING], cwd=ROOT, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
