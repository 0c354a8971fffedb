from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from imaging.files import read_file
from values.errors import ImageForbidden, ImageMissing, ImageTooLarge, ImageUnreachable, Overloaded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "local").mkdir(parents=True)
    (root / "local" / "from storage é.jpg").write_bytes(b"image")
    (root / "100%.jpg").write_bytes(b"percent")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "root-twin").mkdir()
    (tmp_path / "root-twin" / "secret.jpg").write_bytes(b"secret")
    return root


@pytest.mark.parametrize(
    ("path", "content"), [("local/from storage é.jpg", b"image"), ("./100%.jpg", b"percent")]
)
def test_reads_below_the_root(root: Path, path: str, content: bytes) -> None:
    assert read_file(root, path, 1000).content == content


def test_follows_links_that_stay_inside(root: Path) -> None:
    (root / "link.jpg").symlink_to(root / "100%.jpg")
    (root / "folder").symlink_to("local")
    assert read_file(root, "link.jpg", 1000).content == b"percent"
    assert read_file(root, "folder/from storage é.jpg", 1000).content == b"image"


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mounted").symlink_to(root)
    assert read_file(tmp_path / "mounted", "100%.jpg", 1000).content == b"percent"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "..",
        "../secret.jpg",
        "../root-twin/secret.jpg",
        "local/../../secret.jpg",
        "local/../100%.jpg",
        "..%2fsecret.jpg",
        "%2e%2e/secret.jpg",
        "..\\secret.jpg",
        "local%5c..%5cx",
        "/etc/passwd",
        "//etc/passwd",
        "100%.jpg\x00.png",
        "a\nb",
        ".",
        "./",
        "local",
        "a" * 5000,
    ],
)
def test_refuses_what_leaves_the_root_or_is_no_file(root: Path, path: str) -> None:
    with pytest.raises(ImageForbidden):
        read_file(root, path, 1000)


def test_refuses_links_that_lead_outside(root: Path, tmp_path: Path) -> None:
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "up").symlink_to("..")
    (root / "twice.jpg").symlink_to("out.jpg")
    for path in ("out.jpg", "up/secret.jpg", "twice.jpg"):
        with pytest.raises(ImageForbidden, match="outside"):
            read_file(root, path, 1000)


def test_refuses_a_link_that_leads_to_itself(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(ImageForbidden):
        read_file(root, "loop", 1000)


def test_a_folder_exchanged_for_a_link_after_the_check_is_not_followed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "victim").mkdir()
    (root / "victim" / "secret.jpg").write_bytes(b"harmless")
    real_open = os.open

    def exchanging_open(path: str, flags: int, **more: int) -> int:
        if path == "victim":
            (root / "victim").rename(root / "moved")
            (root / "victim").symlink_to(tmp_path)
        return real_open(path, flags, **more)

    monkeypatch.setattr(os, "open", exchanging_open)
    with pytest.raises(ImageUnreachable):
        read_file(root, "victim/secret.jpg", 1000)


def test_refuses_pipes_and_sockets_without_waiting(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(ImageForbidden, match="not a regular file"):
        read_file(root, "pipe", 1000)
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(ImageUnreachable):
            read_file(root, "socket", 1000)


def test_missing_files_and_folders(root: Path) -> None:
    for path in ("none.jpg", "none/none.jpg", "100%.jpg/none.jpg"):
        with pytest.raises(ImageMissing):
            read_file(root, path, 1000)
    with pytest.raises(ImageMissing):
        read_file(root / "unmounted", "x.jpg", 1000)


def test_size_cap(root: Path) -> None:
    assert read_file(root, "100%.jpg", 7).content == b"percent"
    with pytest.raises(ImageTooLarge, match="MAX_IMAGE_MIB"):
        read_file(root, "100%.jpg", 6)


def test_no_file_descriptor_is_left_open(root: Path) -> None:
    def opened() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    before = opened()
    for path in ("100%.jpg", "local/from storage é.jpg", "local", "none.jpg"):
        try:
            read_file(root, path, 6)
        except (ImageForbidden, ImageMissing, ImageTooLarge):
            continue
    assert opened() == before


@pytest.mark.parametrize(
    ("place", "error", "sentence"),
    [
        (
            "os.open",
            OSError(errno.EMFILE, ""),
            r"no open files left for reading an image's file; .*ulimit -n",
        ),
        ("os.open", OSError(errno.ENFILE, ""), "no open files left"),
        ("os.open", OSError(errno.ENOMEM, ""), "no memory left"),
        ("os.fdopen", MemoryError(), "no memory left"),
        ("os.path.realpath", OSError(errno.ENOMEM, ""), "no memory left"),
    ],
)
def test_what_the_machine_lacks_is_no_fault_of_the_file(
    root: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception, sentence: str
) -> None:
    def refuse(*_: object, **more: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(place, refuse)
        with pytest.raises(Overloaded, match=sentence):
            read_file(root, "100%.jpg", 1000)


def test_a_disk_that_fails_does_not_make_a_path_forbidden(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **more: object) -> None:
        raise OSError(errno.EIO, "")

    monkeypatch.setattr("os.path.realpath", refuse)
    with pytest.raises(ImageUnreachable, match="Input/output error"):
        read_file(root, "100%.jpg", 1000)
