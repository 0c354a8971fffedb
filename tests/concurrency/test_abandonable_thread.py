"""What hangs holds up nothing but itself, and can be given up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from concurrency.abandonable import begin_abandonable, run_abandonable
from testing.running_app import ROOT

HANGING = """
import asyncio, threading
from concurrency.abandonable import run_abandonable

async def main():
    hanging = asyncio.create_task(run_abandonable(threading.Event().wait, "testing"))
    await asyncio.sleep(0)
    hanging.cancel()

asyncio.run(main())
"""


async def test_the_result_and_the_error_arrive() -> None:
    assert await run_abandonable(lambda: 7, "testing") == 7
    with pytest.raises(OSError, match="full"):
        await run_abandonable(lambda: (_ for _ in ()).throw(OSError("full")), "testing")


async def test_it_runs_elsewhere() -> None:
    assert await run_abandonable(threading.current_thread, "testing") is not threading.current_thread()


async def test_who_leaves_is_not_told() -> None:
    end, threads = threading.Event(), list[threading.Thread]()
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    def work() -> None:
        threads.append(threading.current_thread())
        end.wait()

    waiting = asyncio.create_task(run_abandonable(work, "testing"))
    while not threads:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    end.set()
    await run_abandonable(threads[0].join, "testing")
    assert complaints == []


def test_the_loop_may_be_closed_before_it_ends() -> None:
    end, threads = threading.Event(), list[threading.Thread]()

    def work() -> None:
        threads.append(threading.current_thread())
        end.wait()

    async def leave() -> None:
        waiting = asyncio.create_task(run_abandonable(work, "testing"))
        while not threads:
            await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    end.set()
    threads[0].join()


def test_the_process_ends_while_it_hangs() -> None:
    finished = subprocess.run([sys.executable, "-c", HANGING], cwd=ROOT, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")


def test_without_an_event_loop_it_is_waited_for_as_long_as_one_likes() -> None:
    end = threading.Event()
    begun = begin_abandonable(end.wait, "testing")
    with pytest.raises(TimeoutError):
        begun.result(0.01)
    end.set()
    assert begun.result(60)
