from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from serve_app.cli.serve import folders
from serve_app.cli.serve.folders import FolderRefused, choose, own_folder


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What TMPDIR is: a path that fits nothing; and no folder of our own outside of the test's."""
    path = Path("/tmp") / ("x" * 90)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(path))
    monkeypatch.setattr(folders, "own_folder", lambda parent: Path("/tmp/own"))
    return path


def test_a_short_folder_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/tmp")
    chosen = choose({}, None)
    assert (chosen.scratch, chosen.ray, chosen.temporary, chosen.said) == (Path("/tmp"), None, None, "")


@pytest.mark.parametrize(
    ("length", "moved"),
    [(10, ""), (11, "scratch"), (31, "scratch"), (32, "scratch ray"), (76, "scratch ray temporary")],
)
def test_each_thing_moves_when_its_sockets_have_no_room(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, length: int, moved: str
) -> None:
    path = Path("/" + "x" * (length - 1))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(path))
    chosen = choose({}, None)
    found = {"scratch": chosen.scratch != path, "ray": chosen.ray, "temporary": chosen.temporary}
    assert [name for name, value in found.items() if value] == moved.split()


def test_what_has_moved_is_said(temporary: Path) -> None:
    moved = "HAProxy's sockets and Ray's logs and sockets are in /tmp/own."
    assert choose({}, None).said == f"{temporary} is too long for sockets: {moved}"


def test_the_folder_that_was_asked_for_is_used_or_refused(tmp_path: Path, temporary: Path) -> None:
    assert choose({}, Path("/tmp/r")).ray == Path("/tmp/r")
    with pytest.raises(
        FolderRefused, match=r"--temp-dir .* is too long for Ray's sockets; it may have 35 bytes"
    ):
        choose({}, Path("/tmp") / ("y" * 40))


def test_rays_own_variable_counts_before_tmpdir(temporary: Path) -> None:
    assert choose({"RAY_TMPDIR": "/tmp"}, None).ray is None
    assert choose({"RAY_TMPDIR": f"/tmp/{'z' * 40}"}, None).ray == Path("/tmp/own/ray")


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
