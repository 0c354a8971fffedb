from __future__ import annotations

import asyncio
import errno
import os
import queue
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging.decoders import DECODES_AT_ONCE, Decoders, Whose
from imaging.decoding import decode
from imaging.decoding_processes import client, wire
from imaging.decoding_processes.client import Ended, Process, Unread
from imaging.decoding_processes.forks import Forks
from imaging.decoding_processes.pool import Processes
from imaging.decoding_processes.process import picture
from imaging.file_bytes import LARGE
from imaging.options import ImageOptions
from testing.image_files import SMALL, encoded, quarters
from values.errors import (
    ImageCorrupt,
    ImageTimeout,
    ImageTooLarge,
    NotAnImage,
    Overloaded,
    ServiceError,
)
from values.image import ModelSize, Pixels

pytestmark = pytest.mark.slow

GOOD = encoded(quarters())
JOB: dict[str, Any] = {"size": asdict(ModelSize(64)), "max_image_megapixels": 89, "timeout_s": 60}
MOST = 2**20
WIDE = 4000


@pytest.fixture
def some() -> Iterator[Processes]:
    made = Processes()
    yield made
    made.close()
    assert made.forking is None or _children(made) == []


@pytest.fixture
def its_own(monkeypatch: pytest.MonkeyPatch, some: Processes) -> Processes:
    """What all decoders of the test have their processes from."""
    monkeypatch.setattr("imaging.decoders.processes", lambda: some)
    return some


@cache
def slow() -> bytes:
    """An image that takes longer than a hundredth of a second, wherever."""
    return encoded(Image.new("RGB", (WIDE, WIDE)), compress_level=1)


def decoders(**options: Any) -> Decoders:
    return Decoders(ImageOptions.model_validate(options))


@pytest.mark.parametrize(
    "size", [ModelSize(64), ModelSize(64, keep_aspect=False, fractions=True), ModelSize(64, enlarge=False)]
)
async def test_what_a_process_decodes_is_what_decode_decodes(size: ModelSize) -> None:
    here = decode(GOOD, size, ImageOptions())
    there = await decoders().decode(GOOD, size)
    assert (there.width, there.height) == (here.width, here.height) == (40, 20)
    assert there.rgb.dtype == here.rgb.dtype
    np.testing.assert_array_equal(there.rgb, here.rgb)


async def test_sentences_come_through() -> None:
    with pytest.raises(NotAnImage, match="what came is a PDF"):
        await decoders().decode(b"%PDF-1.7", ModelSize(64))
    with pytest.raises(ImageTooLarge, match=r"40 x 20 pixels .*MAX_IMAGE_MEGAPIXELS"):
        await decoders(max_image_megapixels=0.0001).decode(GOOD, ModelSize(64))


async def test_an_image_that_takes_too_long_is_ended_and_keeps_no_place() -> None:
    impatient = decoders(decode_timeout_s=0.02)
    ended = 0
    while ended < 2 * DECODES_AT_ONCE:
        try:
            await impatient.decode(slow(), ModelSize(64))
        except ImageTimeout:
            ended += 1
        except Overloaded:  # the kernel has not come to ending the last one yet
            await asyncio.sleep(0)
    assert (await decoders().decode(GOOD, ModelSize(64))).width == 40


async def test_many_at_once_each_get_their_own() -> None:
    shapes = [(width, 10 + width) for width in range(1, 20)]
    files = [encoded(Image.new("RGB", shape)) for shape in shapes]
    one = decoders()
    results = await asyncio.gather(*(one.decode(data, ModelSize(8)) for data in files))
    assert [(each.width, each.height) for each in results] == shapes


def test_a_process_is_used_again_and_replaced_when_it_ends(some: Processes) -> None:
    for _ in range(3):
        assert some.ask(JOB, GOOD, MOST)[0]["width"] == 40
    [process] = _children(some)
    os.kill(process, signal.SIGKILL)
    _until(lambda: not _children(some))
    assert some.ask(JOB, GOOD, MOST)[0]["width"] == 40
    assert _children(some) != [process]


def test_an_end_in_the_middle_of_an_image_is_that_image_only(some: Processes) -> None:
    with pytest.raises(Unread):
        some.ask({"no": "such job", "timeout_s": 60}, GOOD, MOST)
    with pytest.raises(Ended):
        some.ask(JOB, GOOD, 10)  # an answer over the limit
    assert some.ask(JOB, GOOD, MOST)[0]["width"] == 40


def test_the_forking_process_is_started_again(some: Processes) -> None:
    for _ in range(2):
        assert some.ask(JOB, GOOD, MOST)[0]["width"] == 40
        assert some.forking is not None
        idle = [Path(f"/proc/{child}") for child in _children(some)]
        some.forking.kill()
        some.forking.wait()
        _until(partial(_are_gone, idle))


def test_no_module_comes_from_the_folder_in_which_a_command_is_typed(
    some: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "values").mkdir()
    (tmp_path / "values" / "__init__.py").write_text("raise SystemExit('of somebody else')")
    monkeypatch.chdir(tmp_path)
    assert some.ask(JOB, GOOD, MOST)[0]["width"] == 40


def test_what_a_process_takes_is_limited(some: Processes) -> None:
    some.ask(JOB, GOOD, MOST)
    [process] = _children(some)
    limits = Path(f"/proc/{process}/limits").read_text()
    assert "Max file size             0 " in limits
    assert "Max core file size        0 " in limits
    assert "Max address space         unlimited" not in limits


def test_a_large_process_ends_after_its_image(some: Processes) -> None:
    large = encoded(Image.new("RGB", (11000, 8000)), compress_level=1)
    assert some.ask(JOB, large, MOST)[0]["width"] == 11000
    _until(lambda: not _children(some))


def test_an_image_that_takes_long_comes_behind_others_and_its_process_has_no_other(
    some: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SLOW_S", 0)
    process = some._take(fresh=True)
    _until(lambda: bool(_children(some)))
    [child] = _children(some)
    assert process.is_fresh_enough()
    process._wait()
    _until(lambda: os.sched_getscheduler(child) == os.SCHED_IDLE)
    assert not process.is_fresh_enough()
    process.close()
    assert some.ask(JOB, slow(), MOST)[0]["width"] == WIDE
    _until(lambda: not _children(some))


async def test_what_breaks_its_decoder_is_corrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.decoders._most_bytes", lambda size: 10)
    with pytest.raises(ImageCorrupt, match="breaks its decoder"):
        await decoders().decode(GOOD, ModelSize(64))


def test_what_the_kernel_ended_first_took_too_long_all_the_same() -> None:
    with pytest.raises(ImageTimeout, match=r"longer than 0\.02 s"):
        decoders(decode_timeout_s=0.02)._decode(slow(), ModelSize(64))


@pytest.mark.parametrize(
    ("place", "error", "sentence"),
    [
        ("socket.socketpair", OSError(errno.EMFILE, ""), r"no open files left .*\(ulimit -n\)"),
        ("subprocess.Popen", OSError(errno.ENOMEM, ""), "no memory left .*run fewer replicas"),
        ("subprocess.Popen", BlockingIOError(errno.EAGAIN, ""), r"no processes left .*\(ulimit -u"),
        ("subprocess.Popen", OSError(errno.EIO, ""), "Input/output error"),
    ],
)
async def test_a_process_that_cannot_be_had_is_the_machines_fault(
    monkeypatch: pytest.MonkeyPatch, its_own: Processes, place: str, error: OSError, sentence: str
) -> None:
    def refuse(*_: object, **more: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(place, refuse)
        with pytest.raises(Overloaded, match=sentence):
            await decoders().decode(GOOD, ModelSize(64))
    assert (await decoders().decode(GOOD, ModelSize(64))).width == 40


async def test_what_the_forking_process_lacks_is_the_machines_fault(its_own: Processes) -> None:
    await decoders().decode(GOOD, ModelSize(64))
    assert its_own.forking is not None
    [idle] = _children(its_own)
    os.kill(idle, signal.SIGKILL)
    limit = resource.prlimit(its_own.forking.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(its_own.forking.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
    with pytest.raises(Overloaded, match=r"no process .* lives"):
        await decoders().decode(GOOD, ModelSize(64))
    resource.prlimit(its_own.forking.pid, resource.RLIMIT_NOFILE, limit)
    assert (await decoders().decode(GOOD, ModelSize(64))).width == 40


@pytest.mark.parametrize("place", ["os.fork", "tempfile.TemporaryFile"])
def test_the_forking_process_says_why_it_cannot_fork(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def refuse() -> None:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda: None)
    monkeypatch.setattr(place, refuse)
    fate, told = socket.socketpair()
    peer, control = socket.socketpair()
    with fate, peer, control:
        Forks(control, picture).fork(peer, told)
        assert wire.FATE.unpack(fate.recv(100)) == (False, errno.ENOSPC)


def test_two_ends_at_once_are_told_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second signal comes while the first one is handled, and finds no child that is left."""
    forked, ended = iter([11, 12]), [11, 12]

    def waitpid(*_: object) -> tuple[int, int]:
        if not ended:
            raise ChildProcessError
        first, child = len(ended) == 2, ended.pop(0)
        if first:
            forks.reap()
        return child, signal.SIGKILL

    monkeypatch.setattr("tempfile.TemporaryFile", lambda: None)
    monkeypatch.setattr("os.fork", lambda: next(forked))
    monkeypatch.setattr("os.waitpid", waitpid)
    peer, control = socket.socketpair()
    with peer, control:
        forks = Forks(control, picture)
        pairs = [socket.socketpair() for _ in range(2)]
        for _, told in pairs:
            forks.fork(peer, told)
        forks.reap()
        for fate, _ in pairs:
            with fate:
                assert wire.FATE.unpack(fate.recv(100)) == (True, signal.SIGKILL)


async def test_a_process_that_ends_before_it_reads_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, its_own: Processes
) -> None:
    for fresh in (False, True):
        its_own.ask(JOB, GOOD, MOST, fresh=fresh)
    assert len(_children(its_own)) == 2
    for idle in _children(its_own):
        os.kill(idle, signal.SIGKILL)
    _until(lambda: not _children(its_own))
    monkeypatch.setattr(Process, "lives", lambda self: True)  # as if it ended a moment later
    assert (await decoders().decode(GOOD, ModelSize(64))).width == 40


@pytest.mark.parametrize(
    ("ended_by", "end", "tries"),
    [
        ([signal.SIGKILL], None, 2),
        ([signal.SIGKILL, signal.SIGKILL], Overloaded, 2),
        ([signal.SIGTERM, signal.SIGTERM], Overloaded, 2),
        ([signal.SIGSEGV], ImageCorrupt, 1),
        ([signal.SIGABRT], ImageCorrupt, 1),
        ([signal.SIGKILL, signal.SIGSEGV], ImageCorrupt, 2),
        ([signal.SIGALRM], ImageTimeout, 1),
    ],
)
async def test_what_ends_a_process_over_an_image(
    monkeypatch: pytest.MonkeyPatch,
    its_own: Processes,
    ended_by: list[signal.Signals],
    end: type[ServiceError] | None,
    tries: int,
) -> None:
    over = _ending(monkeypatch, its_own, ended_by)
    if end is None:
        assert (await decoders().decode(slow(), ModelSize(64))).width == WIDE
    else:
        with pytest.raises(end):
            await decoders().decode(slow(), ModelSize(64))
    assert len(over) == tries


async def test_a_crash_of_a_process_that_had_another_image_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, its_own: Processes
) -> None:
    await decoders().decode(GOOD, ModelSize(64))
    over = _ending(monkeypatch, its_own, [signal.SIGSEGV])
    assert (await decoders().decode(slow(), ModelSize(64))).width == WIDE
    assert len(over) == 2


async def test_an_image_that_may_need_more_than_the_one_before_gets_it(its_own: Processes) -> None:
    await decoders(max_image_megapixels=10).decode(GOOD, ModelSize(64))
    [small] = _children(its_own)
    assert (await decoders(max_image_megapixels=20).decode(GOOD, ModelSize(64))).width == 40
    assert small not in _children(its_own)


async def test_a_large_file_is_handed_over_to_a_process_of_its_own(its_own: Processes) -> None:
    await decoders().decode(GOOD, ModelSize(64))
    [other] = _children(its_own)
    data = bytearray(GOOD + bytes(LARGE))
    assert (await decoders().decode(data, ModelSize(64))).width == 40
    assert data == b""
    assert other in _children(its_own)


async def test_a_large_file_is_tried_once(monkeypatch: pytest.MonkeyPatch, its_own: Processes) -> None:
    data = bytearray(slow() + bytes(LARGE))
    over = _ending(monkeypatch, its_own, [signal.SIGKILL])
    with pytest.raises(Overloaded, match="the system ended the process"):
        await decoders().decode(data, ModelSize(64))
    assert len(over) == 1


def _ending(
    monkeypatch: pytest.MonkeyPatch, some: Processes, ended_by: list[signal.Signals]
) -> list[signal.Signals | None]:
    """End processes by these signals, one after another, when they have read an image; fills the list."""
    receive, done = wire.receive, list[signal.Signals | None]()

    def ending(peer: socket.socket, max_bytes: int, until: float) -> tuple[dict[str, Any], bytearray]:
        head, content = receive(peer, max_bytes, until)
        if "read" in head:
            by = ended_by.pop(0) if ended_by else None
            done.append(by)
            if by is not None:
                for child in _children(some):
                    os.kill(child, by)
        return head, content

    monkeypatch.setattr(wire, "receive", ending)
    return done


def _children(some: Processes) -> list[int]:
    """The processes that were forked and live; those that have ended are nobody's children."""
    assert some.forking is not None
    try:
        listed = Path(f"/proc/{some.forking.pid}/task/{some.forking.pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(process) for process in listed.split()]


def _are_gone(processes: list[Path]) -> bool:
    return not any(each.exists() for each in processes)


def _until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.005)


async def test_slow_images_of_a_project_or_of_a_host_leave_others_a_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, release = queue.SimpleQueue[bytes](), threading.Event()

    def slow(self: Decoders, data: bytes, size: ModelSize) -> Pixels:
        begun.put(data)
        release.wait()
        return Pixels(np.zeros((1, 1, 3), np.uint8), 1, 1)

    monkeypatch.setattr(Decoders, "_decode", slow)
    decoders = Decoders(ImageOptions())
    coming = [(b"66 bad", 4), (b"66 good", 4), (b"1 good", 4)]
    decodes = []
    for name, count in coming:
        whose = Whose(*name.decode().split())
        decodes += [asyncio.create_task(decoders.decode(name, SMALL, True, whose)) for _ in range(count)]
        await asyncio.sleep(0)
    started = [await asyncio.to_thread(begun.get) for _ in range(DECODES_AT_ONCE)]
    assert sorted(started) == [b"1 good", *[b"66 bad"] * 3, b"66 good"]
    assert begun.empty()
    assert decoders.wanted == 12
    release.set()
    await asyncio.gather(*decodes)
