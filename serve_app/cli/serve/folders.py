"""The folders of one instance: private to this user, and short enough for the sockets in them.

Ray opens the folder that it is given to everybody (mode 0777), and joins the cluster that a file in it names.
So Ray gets a folder inside of one that nobody else can enter. The path of a socket has at most 107 bytes (103
on macOS), and Ray, Serve and HAProxy put long names behind the folder they are given.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LONGEST = 103 if sys.platform == "darwin" else 107
_SHORT = Path("/tmp")  # noqa: S108 - only folders of our own are made in it
# The longest path that is appended to each folder:
_SCRATCH = len("/serve_app_xxxxxxxx/") + 56 + len("/admin.sock") + 10  # a node's id; HAProxy adds .PID.tmp
_RAY = len("/ray/session_2000-01-01_00-00-00_000000_4194304/sockets/plasma_store") + 8
_PYTHON = len("/pymp-xxxxxxxx/listener-xxxxxxxx")


class FolderRefused(Exception):
    """A folder that cannot be used; the text is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where sockets and files go.

    ``scratch`` is where a new folder for HAProxy is made; ``ray`` is Ray's temporary folder; ``temporary`` is
    the processes' TMPDIR, None when it stays as it is; ``said`` is a sentence for the operator, or "".
    """

    scratch: Path
    ray: Path
    temporary: Path | None
    said: str = ""


def choose(variables: Mapping[str, str], temp_dir: Path | None) -> Folders:
    """The folders with the environment ``variables`` and the ``--temp-dir`` that was asked for.

    Raises FolderRefused when what was asked for is too long, or open to others.
    """
    temporary = Path(tempfile.gettempdir())
    scratch_fits, python_fits = _room(temporary, _SCRATCH), _room(temporary, _PYTHON)
    said = [] if scratch_fits else ["HAProxy's sockets"]
    if temp_dir is not None:
        ray = _asked_for(temp_dir.absolute())
    else:
        rays = Path(variables.get("RAY_TMPDIR") or (temporary if sys.platform == "linux" else _SHORT))
        ray_fits = _room(rays / _own_name(), _RAY)
        ray = own_folder(rays if ray_fits else _SHORT)
        said += [] if ray_fits else ["Ray's logs and sockets"]
    return Folders(
        scratch=temporary if scratch_fits else _SHORT,
        ray=ray / "ray",
        temporary=None if python_fits else own_folder(_SHORT),
        said=f"{temporary} is too long for sockets: {' and '.join(said)} are in {_SHORT}." if said else "",
    )


def _asked_for(folder: Path) -> Path:
    if not _room(folder, _RAY):
        raise FolderRefused(
            f"--temp-dir {folder} is too long for Ray's sockets; it may have {LONGEST - _RAY} bytes."
        )
    return private_folder(folder, "give it to this user with mode 0700, or name one that is not there yet")


def own_folder(parent: Path) -> Path:
    """The folder in ``parent`` that belongs to this user alone, made when it is not there.

    Raises FolderRefused when somebody else has made it.
    """
    return private_folder(parent / _own_name(), "remove it, or set TMPDIR to a shorter path")


def private_folder(folder: Path, remedy: str) -> Path:
    """``folder``, made when it is not there. Raises FolderRefused when it is not this user's alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise FolderRefused(f"Cannot make {folder}: {error.strerror}.") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise FolderRefused(f"{folder} is not this user's alone; {remedy}.")
    return folder


def _own_name() -> str:
    return f"serve_app_{os.getuid()}"


def _room(folder: Path, behind: int) -> bool:
    return len(os.fsencode(folder)) + behind <= LONGEST
