"""A folder that cannot be used, a disk that is full, a file server that hangs, a writer that is killed."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embeddings.durable_location import object_name
from embeddings.embedding_file import from_bytes
from embeddings.sweep_schedule import LAST_SWEEP
from testing.running_app import ROOT
from tests.embeddings.samples import KEY, SEGMENTER, Watched, as_nobody, contents, keys, sample

NAME = object_name(SEGMENTER, KEY)
LARGE = 2**20
# Puts embeddings until it is killed: by the system in the middle of a file that passes the limit, or by us.
WRITER = """
import asyncio, resource, signal, sys
from tests.embeddings.samples import Watched, keys, sample

folder, limit = sys.argv[1], int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

async def write():
    tier = Watched(folder)
    while True:
        for number, key in enumerate(keys(200)):
            assert await tier.put(key, sample(number, 2**20))
            print(key, flush=True)

asyncio.run(write())
"""


@contextmanager
def writer(folder: Path, limit: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WRITER, str(folder), str(limit)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def files_of_at_most(nbytes: int) -> Iterator[None]:
    """As on a disk with so much room left."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_full_disk_is_said_once_until_there_is_room(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    tier = Watched(tmp_path)
    for row in range(1, 3):
        with files_of_at_most(LARGE):
            for key in keys(3):
                assert not await tier.put(key, sample(0, LARGE))
        assert len(log.records) == row
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        assert await tier.put(KEY, sample(0, LARGE))
        (tmp_path / NAME).unlink()
    assert tier.problems == ["write"] * 6
    said = log.records[0].getMessage()
    assert f"embeddings cannot be written to {tmp_path} (File too large)" in said
    assert "has room and may be written" in said


async def test_a_folder_that_is_read_only_is_still_read(log: pytest.LogCaptureFixture) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        assert await Watched(folder).put(KEY, sample())
        (folder / SEGMENTER).chmod(0o555)
        tier = Watched(folder)
        with as_nobody():
            for key in keys(3):
                assert not await tier.put(key, sample())
            assert await tier.get(KEY) is not None
        (folder / SEGMENTER).chmod(0o755)
    assert tier.problems == ["write"] * 3
    [record] = log.records
    assert "(Permission denied)" in record.getMessage()


async def test_a_damaged_file_that_cannot_be_removed(log: pytest.LogCaptureFixture) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / NAME
        path.parent.mkdir(parents=True)
        path.write_bytes(b"damaged")
        path.parent.chmod(0o555)
        Path(name).chmod(0o755)
        tier = Watched(name)
        with as_nobody():
            for _ in range(2):
                assert await tier.get(KEY) is None
        path.parent.chmod(0o755)
    assert tier.problems == ["damaged"] * 2
    assert len(log.records) == 1


async def test_a_folder_that_is_a_file(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        (tmp_path / "file").write_text("x")
        tier = Watched(folder)
        assert not await tier.put(KEY, sample())
        assert await tier.get(KEY) is None
        assert not await tier.has(KEY)
        await tier.sweep()
        assert tier.problems == ["write", "read", "read", "sweep"]
        assert len(log.records) == 3
        log.clear()
        (tmp_path / "file").unlink()
        assert await tier.put(KEY, sample())
        assert await tier.get(KEY) is not None
        (tmp_path / "file").rename(tmp_path / f"done{folder.name}")


async def test_a_folder_that_vanishes_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    tier = Watched(folder)
    for _ in range(2):
        assert await tier.put(KEY, sample())
        await tier.sweep()
        assert (folder / LAST_SWEEP).exists()
        shutil.rmtree(folder)
        assert await tier.get(KEY) is None
    assert tier.problems == []


async def test_a_file_that_hangs_holds_nobody(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    tier = Watched(tmp_path, durable_timeout_s=0.2)
    (tmp_path / NAME).parent.mkdir(parents=True)
    # Opened for reading, a named pipe waits for somebody to write.
    os.mkfifo(tmp_path / NAME)
    assert await tier.get(KEY) is None
    assert tier.problems == ["read"]
    assert "(no answer in time)" in log.records[0].getMessage()
    # For half a minute nobody is made to wait for it again.
    tier.seconds = 29
    assert await tier.get(KEY) is None
    assert tier.problems == ["read"]
    tier.seconds = 31
    assert await tier.get(KEY) is None
    assert tier.problems == ["read", "read"]
    os.close(os.open(tmp_path / NAME, os.O_RDWR))


def _whole(folder: Path) -> list[str]:
    """The keys in a folder, once each of its files is what was put."""
    found = []
    for path in folder.rglob("*.safetensors"):
        number = keys(200).index(path.stem)
        kept = from_bytes(path.stem, SEGMENTER, path.read_bytes())
        assert contents(kept) == contents(sample(number, 2**20))
        found.append(path.stem)
    return found


@pytest.mark.slow
async def test_a_writer_that_dies_in_the_middle_of_a_file(tmp_path: Path) -> None:
    with writer(tmp_path, LARGE) as process:
        assert process.wait() == -signal.SIGXFSZ
    [half] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert half.stat().st_size == LARGE
    tier = Watched(tmp_path)
    assert await tier.get(keys(1)[0]) is None
    assert tier.problems == []
    tier.date = half.stat().st_mtime + 2 * 86_400
    await tier.sweep()
    assert not half.exists()


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_only_whole_files(tmp_path: Path) -> None:
    with writer(tmp_path, 0) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(5)]
        process.kill()
        process.wait()
    assert told == keys(5)
    assert set(told) <= set(_whole(tmp_path))
