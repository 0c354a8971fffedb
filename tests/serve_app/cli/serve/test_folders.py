from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cli.serve import folders
from serve_app.cli.serve.folders import FolderRefused, choose, own_folder


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Path:
    """What TMPDIR is: a path that fits nothing; and no folder of our own is made."""
    path = Path("/tmp") / ("x" * 90)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(path))
    monkeypatch.setattr(folders, "own_folder", lambda parent: parent / "own")
    monkeypatch.setattr(folders, "_own_name", lambda: "own")
    return path


def test_a_short_folder_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/tmp")
    chosen = choose({}, None)
    assert (chosen.scratch, chosen.ray) == (Path("/tmp"), Path("/tmp/own/ray"))
    assert (chosen.temporary, chosen.said) == (None, "")


@pytest.mark.parametrize(
    ("length", "moved"),
    [(10, ""), (11, "scratch"), (27, "scratch"), (28, "scratch ray"), (76, "scratch ray temporary")],
)
def test_each_thing_moves_when_its_sockets_have_no_room(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, length: int, moved: str
) -> None:
    path = Path("/" + "x" * (length - 1))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(path))
    chosen = choose({}, None)
    found = {
        "scratch": chosen.scratch != path,
        "ray": not chosen.ray.is_relative_to(path),
        "temporary": chosen.temporary,
    }
    assert [name for name, value in found.items() if value] == moved.split()


def test_what_has_moved_is_said(temporary: Path) -> None:
    moved = "HAProxy's sockets and Ray's logs and sockets are in /tmp."
    assert choose({}, None).said == f"{temporary} is too long for sockets: {moved}"


def test_rays_own_variable_counts_before_tmpdir(temporary: Path) -> None:
    assert choose({"RAY_TMPDIR": "/var/r"}, None).ray == Path("/var/r/own/ray")
    assert choose({"RAY_TMPDIR": f"/tmp/{'z' * 40}"}, None).ray == Path("/tmp/own/ray")


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with room for sockets in it."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        yield Path(folder)


def test_the_folder_that_was_asked_for_is_made_for_this_user_alone(short: Path) -> None:
    assert choose({}, short / "r").ray == short / "r" / "ray"
    assert (short / "r").stat().st_mode & 0o777 == 0o700
    assert choose({}, short / "r").ray == short / "r" / "ray"


def test_the_folder_that_was_asked_for_is_refused_where_others_may_enter_it(short: Path) -> None:
    short.chmod(0o755)
    with pytest.raises(FolderRefused, match="is not this user's alone; give it to this user with mode 0700"):
        choose({}, short)


def test_the_folder_that_was_asked_for_is_refused_where_it_is_too_long(temporary: Path) -> None:
    with pytest.raises(
        FolderRefused, match=r"--temp-dir .* is too long for Ray's sockets; it may have 31 bytes"
    ):
        choose({}, Path("/tmp") / ("y" * 40))


def test_a_folder_that_cannot_be_made_is_a_sentence(short: Path) -> None:
    (short / "file").touch()
    with pytest.raises(FolderRefused, match=r"Cannot make .*: Not a directory"):
        choose({}, short / "file" / "r")


def test_our_own_folder_is_for_this_user_alone(tmp_path: Path) -> None:
    made = own_folder(tmp_path)
    assert made.stat().st_mode & 0o777 == 0o700
    assert own_folder(tmp_path) == made
    made.chmod(0o755)
    with pytest.raises(FolderRefused, match="is not this user's alone"):
        own_folder(tmp_path)


def test_a_link_that_somebody_else_has_laid_is_not_followed(tmp_path: Path) -> None:
    folder = own_folder(tmp_path)
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(FolderRefused):
        own_folder(tmp_path)
