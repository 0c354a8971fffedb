"""The folders of one instance, short enough for the sockets in them.

The path of a socket has at most 107 bytes (103 on macOS), and Ray, Serve and HAProxy put long names behind
the folder they are given.
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
# What stands behind each folder at most:
_SCRATCH = len("/serve_app_xxxxxxxx/") + 56 + len("/admin.sock") + 10  # a node's id; HAProxy adds .PID.tmp
_RAY = len("/session_2000-01-01_00-00-00_000000_4194304/sockets/plasma_store") + 8
_PYTHON = len("/pymp-xxxxxxxx/listener-xxxxxxxx")


class FolderRefused(Exception):
    """A folder that cannot be used; the text is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where sockets and files go, and what an operator should know of it.

    ``scratch`` is where a new folder for HAProxy is made; ``ray`` is Ray's temporary folder, None for the one
    it takes itself; ``temporary`` is what TMPDIR is for the processes, None when it stays.
    """

    scratch: Path
    ray: Path | None
    temporary: Path | None
    said: str = ""


def choose(variables: Mapping[str, str], temp_dir: Path | None) -> Folders:
    """The folders with the environment ``variables`` and the ``--temp-dir`` that was asked for.

    Raises FolderRefused when what was asked for is too long.
    """
    if temp_dir is not None:
        temp_dir = temp_dir.absolute()
        if not _room(temp_dir, _RAY):
            raise FolderRefused(
                f"--temp-dir {temp_dir} is too long for Ray's sockets; it may have {LONGEST - _RAY} bytes."
            )
    temporary = Path(tempfile.gettempdir())
    rays = Path(variables.get("RAY_TMPDIR") or (temporary if sys.platform == "linux" else _SHORT)) / "ray"
    scratch_fits, python_fits = _room(temporary, _SCRATCH), _room(temporary, _PYTHON)
    ray_fits = temp_dir is not None or _room(rays, _RAY)
    own = _SHORT if ray_fits and python_fits else own_folder(_SHORT)
    said = []
    if not scratch_fits:
        said.append("HAProxy's sockets")
    if not ray_fits:
        said.append("Ray's logs and sockets")
    return Folders(
        scratch=temporary if scratch_fits else _SHORT,
        ray=temp_dir if ray_fits else own / "ray",
        temporary=None if python_fits else own,
        said=f"{temporary} is too long for sockets: {' and '.join(said)} are in {own}." if said else "",
    )


def own_folder(parent: Path) -> Path:
    """The folder in ``parent`` that belongs to this user alone, made when it is not there.

    Raises FolderRefused when somebody else has made it.
    """
    folder = parent / f"serve_app_{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise FolderRefused(f"{folder} is not this user's alone; remove it, or set TMPDIR to a shorter path.")
    return folder


def _room(folder: Path, behind: int) -> bool:
    return len(os.fsencode(folder)) + behind <= LONGEST
