from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from segmenters.checkpoints import digest
from segmenters.checkpoints.digest import computed, sha256_of, sidecar
from values.errors import ModelError

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pt"
    path.write_bytes(CONTENT)
    return path


def pretend(file: Path) -> None:
    """Make the sidecar say another hash than is true."""
    content = json.loads(sidecar(file).read_text())
    sidecar(file).write_text(json.dumps(content | {"sha256": "f" * 64}))


def test_of_the_content(file: Path) -> None:
    assert sha256_of(file) == computed(file) == SHA256


def test_remembered_beside_the_file(file: Path) -> None:
    sha256_of(file)
    assert sorted(each.name for each in file.parent.iterdir()) == [file.name, sidecar(file).name]
    pretend(file)
    assert sha256_of(file) == "f" * 64
    assert computed(file) == SHA256
    assert sha256_of(file) == SHA256


@pytest.mark.parametrize("change", ["size", "time", "inode"])
def test_a_changed_file_is_read_anew(file: Path, change: str) -> None:
    sha256_of(file)
    pretend(file)
    found = file.stat()
    if change == "size":
        with file.open("ab") as more:
            more.write(b"x")
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    elif change == "time":
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    else:
        other = file.with_name("other")
        other.write_bytes(CONTENT)
        os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
        other.replace(file)
    assert sha256_of(file) == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"sha256": 1}'])
def test_a_damaged_sidecar_is_ignored(file: Path, content: bytes) -> None:
    sidecar(file).write_bytes(content)
    assert sha256_of(file) == SHA256
    assert json.loads(sidecar(file).read_text())["sha256"] == SHA256


def test_without_a_place_to_remember_it_is_computed(file: Path) -> None:
    sidecar(file).mkdir()
    assert sha256_of(file) == sha256_of(file) == SHA256
    assert sorted(each.name for each in file.parent.iterdir()) == [file.name, sidecar(file).name]


@pytest.mark.skipif(
    not Path("/proc/version").exists(), reason="needs a folder that even root cannot write to"
)
def test_in_a_folder_that_cannot_be_written() -> None:
    path = Path("/proc/version")
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_changes_meanwhile_is_not_remembered(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def grow(done: int, total: int | None) -> None:
        os.utime(file, ns=(0, done))

    assert computed(file, grow) == SHA256
    assert not sidecar(file).exists()


def test_progress(file: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    computed(file, lambda done, total: steps.append((done, total)))
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert len(steps) > 1


def test_what_cannot_be_read_ends_in_a_sentence(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, sentence in (
        (tmp_path / "none", "No such file"),
        (tmp_path, "is not a file"),
        (pipe, "is not a file"),
    ):
        with pytest.raises(ModelError, match=sentence) as caught:
            digest.sha256_of(path)
        assert str(path) in caught.value.detail
