from __future__ import annotations

import hashlib
import logging
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tenacity import wait_none

from segmenters.checkpoints.digest import sidecar
from segmenters.checkpoints.download import Patience
from segmenters.checkpoints.fetch import fetch
from segmenters.checkpoints.locate import Checkpoint
from segmenters.models import PUBLISHED
from testing.file_server import Server, held, ranges, said, stalling
from values.errors import ModelError

ROOT = Path(__file__).resolve().parents[3]
CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ONCE = Patience(attempts=1, wait=wait_none())

# Another process: fetches what it is given, and prints what is logged and how far it is.
CHILD = """
import logging, pickle, sys
from segmenters.checkpoints.fetch import fetch
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
fetch(pickle.loads(bytes.fromhex(sys.argv[1])), lambda done, total: print(done, flush=True))
print("there", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models" / "weights.pt"


@pytest.fixture
def waiting() -> Iterator[threading.Event]:
    """Set once somebody logs that they wait."""
    event = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting" in record.getMessage():
                event.set()

    listener = Listener(logging.INFO)
    log = logging.getLogger("ray.serve")
    level = log.level
    log.addHandler(listener)
    log.setLevel(logging.INFO)
    yield event
    log.removeHandler(listener)
    log.setLevel(level)


def child(checkpoint: Checkpoint) -> subprocess.Popen[str]:
    given = pickle.dumps(checkpoint).hex()
    return subprocess.Popen([sys.executable, "-c", CHILD, given], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    for each in process.stdout:
        if line in each:
            return
    raise AssertionError(f"the process ended without {line!r}")


def test_a_missing_file_is_downloaded_once(path: Path) -> None:
    with Server(ranges(CONTENT)) as server:
        checkpoint = Checkpoint(path, SHA256, f"{server.url}/w.pt", "m")
        assert fetch(checkpoint) == fetch(checkpoint) == path
        assert len(server.requests) == 1
    assert path.read_bytes() == CONTENT
    assert sidecar(path).exists()


def test_a_file_that_is_there_needs_no_folder_to_write_to() -> None:
    path = Path("/proc/version")
    if not path.exists():
        pytest.skip("needs a folder that even root cannot write to")
    assert fetch(Checkpoint(path, hashlib.sha256(path.read_bytes()).hexdigest())) == path


@pytest.mark.parametrize(
    ("url", "remedy"),
    [("http://a.test/w", "delete it so that it is downloaded again"), (None, "put the right")],
)
def test_another_file_there_ends_in_a_sentence(path: Path, url: str | None, remedy: str) -> None:
    path.parent.mkdir()
    path.write_bytes(b"other")
    with pytest.raises(ModelError, match=remedy) as caught:
        fetch(Checkpoint(path, SHA256, url, "sam_vit_b"))
    for part in (
        str(path),
        "sam_vit_b",
        SHA256,
        hashlib.sha256(b"other").hexdigest(),
        "name it as CHECKPOINT",
    ):
        assert part in caught.value.detail
    assert path.read_bytes() == b"other"


def test_a_published_file_that_is_missing_names_the_command(path: Path) -> None:
    file = path.with_name(PUBLISHED["mobile_sam"].filename)
    with pytest.raises(ModelError) as caught:
        fetch(Checkpoint(file, SHA256, None, "mobile_sam"))
    for part in (str(file), "`python -m serve_app models download mobile_sam`", "MODEL_DIR"):
        assert part in caught.value.detail


def test_another_file_that_is_missing_names_the_setting(path: Path) -> None:
    with pytest.raises(ModelError, match="correct the setting that names it") as caught:
        fetch(Checkpoint(path, SHA256, None, "mobile_sam"))
    assert "download" not in caught.value.detail


def test_a_folder_in_its_place_ends_in_a_sentence(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ModelError, match="is not a file"):
        fetch(Checkpoint(path, SHA256, "http://a.test/w"))
    with pytest.raises(ModelError, match="is not a file"):
        fetch(Checkpoint(path, SHA256))


def test_a_place_that_cannot_be_looked_at_ends_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot look for the checkpoint"):
        fetch(Checkpoint(tmp_path / ("x" * 300), SHA256))


def test_a_folder_that_is_a_file_ends_in_a_sentence(path: Path) -> None:
    path.parent.write_text("a file")
    with pytest.raises(ModelError, match="set MODEL_DIR to a folder that can be written"):
        fetch(Checkpoint(path, SHA256, "http://a.test/w"))


def test_a_failed_download_lets_the_next_one_try(path: Path) -> None:
    with Server(said(404), ranges(CONTENT)) as server:
        checkpoint = Checkpoint(path, SHA256, server.url, "m")
        with pytest.raises(ModelError, match="404"):
            fetch(checkpoint, patience=ONCE)
        assert fetch(checkpoint) == path


def test_threads_that_fetch_at_once_download_once(path: Path, waiting: threading.Event) -> None:
    gate = threading.Event()
    with Server(held(gate, ranges(CONTENT))) as server, ThreadPoolExecutor(2) as pool:
        checkpoint = Checkpoint(path, SHA256, server.url, "m")
        both = [pool.submit(fetch, checkpoint) for _ in range(2)]
        try:
            assert waiting.wait(30)
        finally:
            gate.set()
        assert [each.result(30) for each in both] == [path, path]
        assert len(server.requests) == 1


@pytest.mark.slow
def test_processes_that_fetch_at_once_download_once(path: Path, waiting: threading.Event) -> None:
    gate, asked = threading.Event(), threading.Event()
    with Server(held(gate, ranges(CONTENT), asked)) as server, ThreadPoolExecutor(1) as pool:
        checkpoint = Checkpoint(path, SHA256, server.url, "m")
        with child(checkpoint) as other:
            try:
                assert asked.wait(60)
                here = pool.submit(fetch, checkpoint)
                assert waiting.wait(60)
            finally:
                gate.set()
            assert here.result(60) == path
            until(other, "there")
            assert other.wait(60) == 0
        assert len(server.requests) == 1


@pytest.mark.slow
def test_a_killed_download_is_gone_on_with(path: Path) -> None:
    half = len(CONTENT) // 2
    with Server(stalling(CONTENT, half), ranges(CONTENT)) as server:
        checkpoint = Checkpoint(path, SHA256, server.url, "m")
        with child(checkpoint) as other:
            until(other, str(half))
            other.send_signal(signal.SIGKILL)
            assert other.wait(30) == -signal.SIGKILL
        assert not path.exists()
        kept = path.with_name("weights.pt.part").stat().st_size
        assert 0 < kept <= half
        assert fetch(checkpoint) == path
        assert server.ranges() == [None, f"bytes={kept}-"]
    assert path.read_bytes() == CONTENT
