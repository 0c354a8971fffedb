"""`.venv`: made, mended and filled before `make serve` starts what is in it. Needs nothing but Python.

    python3 virtual_environment.py mend     what does not run any more is put right, or taken away
    python3 virtual_environment.py serve    besides, requirements.txt is installed where it has not been, and
                                            `python -m serve_app serve` runs

Python 3.7 can read this file: one that is too old to make `.venv` may start what is in it all the same.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
FULL = 100 * 2**20
"""Bytes that are left on a disk that is full: no package of those that count fits."""

FETCHED = (
    "up to 3.0 GB (2.7 GB of it torch with CUDA's libraries), 4 minutes at 100 Mbit/s and 3 to unpack it"
    if sys.platform == "linux"
    else "some .5 GB, a minute at 100 Mbit/s"
)
"""What requirements.txt makes pip fetch; README.md says the same of Linux on x86_64."""


class Unusable(Exception):
    """What cannot be mended here; the text is a sentence for who has typed `make serve`."""


class VirtualEnvironment:
    """A folder as `python -m venv` makes it. What is said goes to ``screen``."""

    def __init__(self, folder: Path, screen: TextIO) -> None:
        self.folder = folder
        self._screen = screen

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"

    def mend(self) -> None:
        """Take it away where it does not run any more, or was moved: its commands name where it was made."""
        if not os.path.lexists(str(self.folder)):
            return
        trouble = self._trouble()
        if not trouble:
            return
        self._say(f"{self.folder.name} {trouble}: it is made anew.")
        if self.folder.is_symlink():
            self.folder.unlink()  # what it leads to is somebody else's
        else:
            shutil.rmtree(str(self.folder))

    def install(self, requirements: Path) -> None:
        """Have pip install the file ``requirements``, unless that is done. Raises Unusable."""
        stamp = self.folder / f".{requirements.stem}"
        if stamp.exists() and stamp.stat().st_mtime >= requirements.stat().st_mtime:
            return
        if not self.python.exists():
            self._make()
        if not self._has_pip():
            self._run([str(self.python), "-m", "ensurepip", "--upgrade"], "put pip into")
        self._forget_what_is_unfinished()
        self._say(f"Installing into {self.folder.name} what {requirements.name} names, once: {FETCHED}.")
        self._pip_install(requirements)
        stamp.touch()

    def _trouble(self) -> str:
        """Why its Python does not run, as the end of a sentence; empty where it does."""
        if not os.access(str(self.python), os.X_OK):
            return f"has lost its Python ({self.python.resolve()})"
        found = re.match(r"python(\d\.\d+)", self.python.resolve().name)
        kept = [each.name for each in (self.folder / "lib").glob("python3.*")]
        if found and kept and found.group() not in kept:
            made = " and ".join(sorted(kept)).replace("python", "Python ")
            return f"was made with {made}, and its Python is {found.group(1)} now"
        before = self._made_at()
        return f"was made at {before}" if before and before != str(self.folder.resolve()) else ""

    def _made_at(self) -> str:
        """Where it was made, as it says itself; empty where it does not."""
        with contextlib.suppress(OSError):
            for line in (self.folder / "pyvenv.cfg").read_text().splitlines():
                name, _, value = line.partition("=")
                if name.strip() == "command":
                    words = value.partition(" -m venv ")[2].strip()
                    return re.sub(r"^(--\S+ )+", "", words)
        return ""

    def _make(self) -> None:
        if sys.version_info < OLDEST:
            raise Unusable("Python 3.11 or newer is needed; name it with PYTHON=python3.12 make serve")
        self._run([sys.executable, "-m", "venv", str(self.folder)], "make")

    def _run(self, command: Sequence[str], what: str) -> None:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            self._say(done.stdout.decode(errors="replace").strip())
            raise Unusable(f"Python could not {what} {self.folder.name}; why is above.")

    def _packages(self) -> Path:
        return next(self.folder.glob("lib/python3.*/site-packages"), self.folder / "lib")

    def _has_pip(self) -> bool:
        return (self._packages() / "pip" / "__init__.py").exists()

    def _forget_what_is_unfinished(self) -> None:
        """Have pip install anew what it was interrupted in, as by Ctrl-C or a full disk.

        It writes RECORD last, and takes a package for installed without one. What begins with ~ it has put
        aside, to be removed when the new one is there.
        """
        unfinished = [each for each in self._packages().glob("*.dist-info") if not (each / "RECORD").exists()]
        for each in (*unfinished, *self._packages().glob("~*")):
            shutil.rmtree(str(each), ignore_errors=True)
        if unfinished:
            names = ", ".join(sorted(each.name.partition("-")[0] for each in unfinished))
            self._say(f"{self.folder.name} was not installed to its end: {names}.")

    def _pip_install(self, requirements: Path) -> None:
        command = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check"]
        if subprocess.run([*command, "-r", str(requirements)], stdout=sys.stderr, check=False).returncode:
            full = shutil.disk_usage(str(self.folder)).free < FULL
            why = "the disk is full" if full else "why is above"
            raise Unusable(
                f"{requirements.name} is not installed: {why}. `make serve` goes on from here, and keeps "
                "what pip has fetched."
            )

    def _say(self, line: str) -> None:
        self._screen.write(line + "\n")
        self._screen.flush()


def run(command: Sequence[str]) -> int:
    """Run it to its end; its status, or 128 and more where a signal ended it.

    Signals that reach this process alone are passed on. Ctrl-C reaches both.
    """
    ours = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    }
    started: list[subprocess.Popen[bytes]] = []
    early: list[int] = []  # signals that came before there was a process to tell

    def pass_on(number: int, _: object) -> None:
        started[0].send_signal(number) if started else early.append(number)

    signal.signal(signal.SIGINT, lambda *_: None)
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, pass_on)
    with subprocess.Popen(command, env=ours, cwd=str(ROOT)) as child:
        started.append(child)
        for number in early:
            child.send_signal(number)
        status = child.wait()
    return 128 - status if status < 0 else status


def main(words: Sequence[str]) -> int:
    """Do what the words ask for; the status to end with."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("mend", "serve"))
    parser.add_argument("--failed", type=Path, help="make this file where the status is not 0")
    asked = parser.parse_args(words)
    environment = VirtualEnvironment(ROOT / ".venv", sys.stderr)
    try:
        environment.mend()
        status = 0
        if asked.what == "serve":
            environment.install(ROOT / "requirements.txt")
            status = run([str(environment.python), "-m", "serve_app", "serve"])
    except Unusable as error:
        sys.stderr.write(f"{error}\n")
        status = 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. `make serve` goes on from here.\n")
        status = 130
    if status and asked.failed:
        asked.failed.touch()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
