"""What docs/images.md promises of the processes that decode, tried by one that a file has taken over."""

from __future__ import annotations

import json
import logging
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from imaging.decoders import Decoders
from imaging.decoding_processes import box, client, kernel, pool, seccomp, wire
from imaging.decoding_processes.client import Ended
from imaging.decoding_processes.pool import Processes
from imaging.options import ImageOptions
from testing.canary import CANARY
from testing.image_files import encoded, quarters
from values.errors import ImageCorrupt
from values.image import ModelSize

pytestmark = pytest.mark.slow

JOB: dict[str, Any] = {"size": asdict(ModelSize(64)), "max_image_megapixels": 89, "timeout_s": 60}
GOOD = encoded(quarters())
ALL = ("another user than root", "hidden memory", "an end with its parent", "limits", "no new privileges")
LAYERS = (*ALL, "Landlock", "seccomp")

DENIED = {
    f"denied: {error}" for error in ("PermissionError", "BlockingIOError", "RuntimeError", "ValueError")
}

needs_a_kernel = pytest.mark.skipif(
    kernel.processor() not in seccomp.PROCESSORS, reason="a box is Linux's, on x86_64 and ARM64"
)
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")


@pytest.fixture
def taken_over(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Processes]:
    """Decoding processes in the hands of a file, where the system lacks what the test names."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", CANARY)
    small = pool._environment
    without = ",".join(getattr(request, "param", ()))
    monkeypatch.setattr(pool, "_environment", lambda: {**small(), "WITHOUT": without})
    made = Processes("tests.imaging.decoding_processes.taken_over")
    yield made
    made.close()


def attempt(some: Processes, *words: object) -> str:
    """What came of it."""
    head, _ = some.ask(JOB, "|".join(map(str, words)).encode(), 2**20)
    return str(head["detail"])


@pytest.fixture
def target() -> Iterator[Path]:
    """A file that everybody may read, write and remove."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        path = Path(folder) / "open to all"
        path.write_text(CANARY)
        path.chmod(0o666)
        yield path


ON_THE_FETCHER = ("environment", "memory", "vm_readv", "ptrace", "limits", "kill", "owner")
ON_FILES = ("read", "write", "remove")
OF_ITS_OWN = ("udp", "unix", "pair", "exec", "fork", "thread", "more", "code", "show")


@needs_a_kernel
def test_all_of_it_is_denied(taken_over: Processes, target: Path) -> None:
    """One after another in as few processes as there may be: none is ended for it."""
    tries: list[tuple[object, ...]] = [(name, os.getpid()) for name in ON_THE_FETCHER]
    tries += [(name, target) for name in ON_FILES]
    tries += [(name,) for name in OF_ITS_OWN]
    with socket.create_server(("127.0.0.1", 0)) as server:
        tries += [("connect", server.getsockname()[1]), ("list", "/"), ("read", "/proc/self/environ")]
        outcomes = {words: attempt(taken_over, *words) for words in tries}
    assert {words: came for words, came in outcomes.items() if came not in DENIED} == {}
    assert taken_over.forking is not None
    assert attempt(taken_over, "kill", taken_over.forking.pid) == "denied: PermissionError"
    assert target.read_text() == CANARY


@needs_a_kernel
@needs_root
@pytest.mark.parametrize("taken_over", [("Landlock", "seccomp")], indirect=True)
def test_without_filters_it_is_another_user_and_has_no_processes(taken_over: Processes) -> None:
    tries: list[tuple[object, ...]] = [(name, os.getpid()) for name in ON_THE_FETCHER if name != "owner"]
    tries += [("fork",), ("thread",), ("more",)]
    outcomes = {words: attempt(taken_over, *words) for words in tries}
    assert {words: came for words, came in outcomes.items() if came not in DENIED} == {}


@needs_a_kernel
@pytest.mark.parametrize("taken_over", [(*ALL[:4], "seccomp")], indirect=True)
def test_landlock_alone_denies_files_programs_tcp_and_signals(taken_over: Processes, target: Path) -> None:
    try:
        version = kernel.landlock_version()
    except OSError:
        version = 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        since: dict[tuple[object, ...], int] = {
            ("list", "/"): 1,
            ("read", target): 1,
            ("write", target): 3,
            ("remove", target): 1,
            ("exec",): 1,
            ("connect", server.getsockname()[1]): 4,
            ("kill", os.getpid()): 6,
        }
        tries = [words for words, first in since.items() if first <= version]
        if not tries:
            pytest.skip("this kernel has no Landlock")
        outcomes = {words: attempt(taken_over, *words) for words in tries}
    assert outcomes == dict.fromkeys(tries, "denied: PermissionError")


@needs_a_kernel
@pytest.mark.parametrize("taken_over", [(*ALL[:4], "Landlock")], indirect=True)
def test_the_filter_alone_denies_all_of_it(taken_over: Processes, target: Path) -> None:
    tries: list[tuple[object, ...]] = [(name, os.getpid()) for name in ON_THE_FETCHER]
    tries += [(name, target) for name in ON_FILES]
    tries += [(name,) for name in OF_ITS_OWN if name != "more"]
    for words in tries:
        assert attempt(taken_over, *words) == (
            "denied: RuntimeError" if words == ("thread",) else "denied: PermissionError"
        )


def test_it_starts_with_no_secret_and_no_descriptor_of_ours(taken_over: Processes) -> None:
    allowed = {"PATH", "LD_LIBRARY_PATH", "TMPDIR", "PYTHONPATH", "OPENBLAS_NUM_THREADS", "LC_CTYPE"}
    allowed |= {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"}
    names = attempt(taken_over, "own environment").removeprefix("done: ")
    assert set(json.loads(names.replace("'", '"'))) <= allowed
    # Its images', the one for turns, and three that lead nowhere.
    for fresh in (False, True):
        head, _ = taken_over.ask(JOB, b"descriptors", 2**20, fresh=fresh)
        assert len(json.loads(head["detail"].removeprefix("done: "))) == 5


@needs_root
def test_root_decodes_as_nobody_and_without_groups(taken_over: Processes) -> None:
    attempt(taken_over, "nothing")
    assert taken_over.forking is not None
    children = Path(f"/proc/{taken_over.forking.pid}/task/{taken_over.forking.pid}/children").read_text()
    status = Path(f"/proc/{children.strip()}/status").read_text()
    lines = dict(line.split(":", 1) for line in status.splitlines())
    assert lines["Uid"].split() == lines["Gid"].split() == [str(box.NOBODY)] * 4
    assert lines["Groups"].strip() == ""
    assert int(lines["CapEff"], 16) == int(lines["CapPrm"], 16) == 0
    assert lines["NoNewPrivs"].strip() == "1"


@needs_a_kernel
@pytest.mark.parametrize("taken_over", [("another user than root", "seccomp")], indirect=True)
def test_its_memory_is_closed_to_the_others_of_its_user(taken_over: Processes) -> None:
    assert attempt(taken_over, "hidden") == "done: True"


@needs_a_kernel
def test_who_has_the_secrets_closes_its_memory_to_its_own_user(taken_over: Processes) -> None:
    attempt(taken_over, "nothing")
    assert kernel.is_hidden()


@pytest.mark.parametrize("taken_over", [LAYERS], indirect=True)
def test_what_a_system_lacks_is_said_once_and_no_reason_not_to_decode(
    taken_over: Processes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for fresh in (False, False, True):
            assert taken_over.ask(JOB, b"nothing", 2**20, fresh=fresh)[0]["detail"] == "done: None"
    [said] = [record.getMessage() for record in caplog.records]
    assert "less protection" in said
    assert all(f"no {part} (Function not implemented)" in said for part in LAYERS)


@needs_a_kernel
def test_where_nothing_is_lacking_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    some = Processes()
    with caplog.at_level(logging.WARNING):
        assert some.ask(JOB, GOOD, 2**20)[0]["width"] == 40
    some.close()
    lacks = "".join(record.getMessage() for record in caplog.records)
    assert "seccomp" not in lacks
    assert "memory" not in lacks


def test_one_that_heeds_no_timer_is_given_up_and_ended(
    monkeypatch: pytest.MonkeyPatch, taken_over: Processes
) -> None:
    monkeypatch.setattr(client, "_LATE_S", 0.05)
    monkeypatch.setattr(client, "_FATE_S", 0.05)
    attempt(taken_over, "nothing")
    with pytest.raises(Ended):
        taken_over.ask({**JOB, "timeout_s": 0.05}, b"stubborn", 2**20)
    assert taken_over.forking is not None
    _until(partial(_has_no_children, taken_over.forking.pid))


def test_one_process_sees_few_images_and_none_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    some = Processes()
    asked = [some.ask(JOB, GOOD, 2**20) for _ in range(client.IMAGES_EACH)]
    assert len(asked) == client.IMAGES_EACH
    assert some._idle == []
    some.ask(JOB, GOOD, 2**20)
    [young] = some._idle
    monkeypatch.setattr(client, "AGE_S", 0)
    some.ask(JOB, GOOD, 2**20)
    assert some._idle == []
    assert young._images == 1
    some.close()


@pytest.mark.parametrize(
    ("head", "content"),
    [
        ({"error": "no such code", "detail": ""}, b""),
        ({"error": ["image_corrupt"], "detail": ""}, b""),
        ({"error": "image_corrupt", "detail": {}}, b""),
        ({"width": 40}, b""),
        ({"width": 1e400, "height": 1}, b""),
        ({"width": "40", "height": "20"}, b""),
        ({"width": True, "height": 1}, b""),
        ({"width": 0, "height": 0}, b""),
        ({"width": 10**400, "height": 1}, b""),
        ({"width": 40, "height": 20}, b"too short"),
    ],
)
async def test_answers_that_no_image_has_are_the_files_fault(
    monkeypatch: pytest.MonkeyPatch, head: dict[str, Any], content: bytes
) -> None:
    class Lying:
        def ask(self, *_: object, **__: object) -> tuple[dict[str, Any], bytearray]:
            return dict(head), bytearray(content)

    monkeypatch.setattr("imaging.decoders.processes", Lying)
    with pytest.raises(ImageCorrupt, match="breaks its decoder"):
        await Decoders(ImageOptions()).decode(GOOD, ModelSize(64))


async def test_a_sentence_of_a_process_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wordy:
        def ask(self, *_: object, **__: object) -> tuple[dict[str, Any], bytearray]:
            return {"error": "image_corrupt", "detail": "a\nb" * 10_000}, bytearray()

    monkeypatch.setattr("imaging.decoders.processes", Wordy)
    with pytest.raises(ImageCorrupt) as raised:
        await Decoders(ImageOptions()).decode(GOOD, ModelSize(64))
    assert raised.value.detail.startswith("a\\nba")
    assert len(raised.value.detail) == 300


@pytest.mark.parametrize("head", [b"[]", b"7", b"[" * 60_000, b"\xff", b"{}" + b" " * 2**16])
def test_heads_that_are_none(head: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire._LENGTHS.pack(len(head), 0) + head)
        with pytest.raises(ValueError):  # noqa: PT011 - whose sentence nobody reads
            wire.receive(ours, 2**20)


def test_a_message_that_drips_is_late() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire._LENGTHS.pack(2, 9) + b"{}drip")
        with pytest.raises(TimeoutError):
            wire.receive(ours, 2**20, time.monotonic() + 0.01)


def _has_no_children(pid: int) -> bool:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""


def _until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.005)
