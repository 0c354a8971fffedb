"""`.venv`: made, mended and filled before `make serve` starts what is in it. Needs nothing but Python.

    python3 virtual_environment.py mend     what does not run any more is put right, or taken away
    python3 virtual_environment.py serve    besides, requirements.txt is installed where it has not been, and
                                            `python -m serve_app serve` runs

Python 3.7 can read this file: one that is too old to make `.venv` may start what is in it all the same.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
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

_BAR = "━"  # what pip's progress bars are drawn with
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SIZE = r"\(([\d.]+ [kMG]?B)\)"
_FILE = re.compile(rf"Downloading (?:\S*/)?(?:([^\s/]+?)-(\d[^-\s]*)-\S+\.whl {_SIZE}|(\S+) {_SIZE})")
_INSTALLING = "Installing collected packages: "
# What pip says of each package; what it says besides is shown.
_USUAL = re.compile(
    "Looking |Collecting |Requirement already |Ignoring |Using cached |Downloading |Preparing |Installing |"
    "Successfully |Attempting uninstall|Found existing|Uninstalling |Building |Created |Stored in|Getting |"
    r"Processing |\[notice\]|$"
)


class Unusable(Exception):
    """What cannot be mended here; the text is a sentence for who has typed `make serve`."""


class PipOutput:
    """Shows what matters of what pip prints: large files with pip's own bar, and what is wrong."""

    def __init__(self, screen: TextIO, *, terminal: bool) -> None:
        """``screen``: a text stream; ``terminal``: whether it is one, so that bars can move."""
        self._screen = screen
        self._terminal = terminal
        self._large = False
        self._drawing = False
        self._rest = ""

    def feed(self, text: str) -> None:
        """Take the next ``text`` of pip's output, which may end anywhere."""
        *lines, rest = (self._rest + text).split("\n")
        for line in lines:
            self._end_line(line)
        self._rest = rest
        if _BAR in rest:
            self._draw(rest)
            self._rest = ""

    def close(self) -> None:
        """Show what is left, and the cursor again, which pip hides while a bar moves."""
        self._end_line(self._rest)
        self._rest = ""

    def _draw(self, part: str) -> None:
        self._drawing = True
        if self._terminal and self._large:
            self._screen.write(part)
            self._screen.flush()

    def _end_line(self, line: str) -> None:
        if self._drawing or _BAR in line:
            self._draw(line)
            self._drawing = False
            if self._terminal and self._large:
                self._say("\x1b[?25h")
            return
        said = _ESCAPES.sub("", line).rstrip()
        fetched = _FILE.match(said.strip())
        if fetched:
            size = fetched.group(3) or fetched.group(5)
            self._large = size.endswith(("MB", "GB"))
            if self._large:
                name, version, other = fetched.group(1, 2, 4)
                self._say(f"{other or f'{name} {version}'}, {size}")
        elif said.startswith(_INSTALLING):
            self._large = True
            self._say(f"{said.count(',') + 1} packages are put in place")
        elif not _USUAL.match(said.strip()):
            self._say(said)

    def _say(self, line: str) -> None:
        self._screen.write(line + "\n")
        self._screen.flush()


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
        """Correct its paths where it was moved; take it away where its Python does not run any more."""
        if not os.path.lexists(str(self.folder)):
            return
        trouble = self._trouble()
        if trouble:
            self._say(f"{self.folder.name} {trouble}: it is made anew.")
            self._remove()
            return
        before = self._made_at()
        if before and before != str(self.folder.resolve()):
            self._say(f"{self.folder.name} was made at {before}: its commands are told where they are now.")
            self._correct(before)

    def install(self, requirements: Path) -> None:
        """Have pip install the file ``requirements``, unless that is done. Raises Unusable."""
        stamp = self.folder / f".{requirements.stem}"
        if stamp.exists() and stamp.stat().st_mtime >= requirements.stat().st_mtime:
            self._write_command()
            return
        if not self.python.exists():
            self._make()
        if not self._has_pip():
            self._run([str(self.python), "-m", "ensurepip", "--upgrade"], "put pip into")
        self._forget_what_is_unfinished()
        self._say(f"Installing into {self.folder.name} what {requirements.name} names, once: {FETCHED}.")
        self._pip_install(requirements)
        self._write_command()
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
        return ""

    def _made_at(self) -> str:
        """Where it was made, as it says itself; empty where it does not."""
        with contextlib.suppress(OSError):
            for line in (self.folder / "pyvenv.cfg").read_text().splitlines():
                name, _, value = line.partition("=")
                if name.strip() == "command":
                    words = value.partition(" -m venv ")[2].strip()
                    return re.sub(r"^(--\S+ )+", "", words)
        return ""

    def _correct(self, before: str) -> None:
        """Write the path at which it is in place of ``before``."""
        old, new = os.fsencode(before), os.fsencode(str(self.folder.resolve()))
        texts = [self.folder / "pyvenv.cfg"]
        for commands in (self.folder / "bin", *self.folder.glob("*/bin")):
            texts += [each for each in commands.iterdir() if each.is_file() and not each.is_symlink()]
        for each in texts:
            content = each.read_bytes()
            if old in content and (content.startswith(b"#!") or b"\0" not in content):
                each.write_bytes(content.replace(old, new))

    def _remove(self) -> None:
        if self.folder.is_symlink():
            self.folder.unlink()  # what it leads to is somebody else's
        else:
            shutil.rmtree(str(self.folder))

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
        terminal = self._screen.isatty()
        variables = {**os.environ, "COLUMNS": str(shutil.get_terminal_size().columns)}
        if terminal:
            variables["FORCE_COLOR"] = "1"  # it draws no bar where it thinks that nobody looks
        command = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check"]
        command += ["--progress-bar", "on", "-r", str(requirements)]
        shown = PipOutput(self._screen, terminal=terminal)
        text = codecs.getincrementaldecoder("utf-8")("replace")
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables
        ) as pip:
            assert pip.stdout is not None  # noqa: S101 - for mypy
            for part in iter(partial(os.read, pip.stdout.fileno(), 2**16), b""):
                shown.feed(text.decode(part))
        shown.close()
        if pip.returncode:
            full = shutil.disk_usage(str(self.folder)).free < FULL
            why = "the disk is full" if full else "why is above"
            raise Unusable(
                f"{requirements.name} is not installed: {why}. `make serve` goes on from here, and keeps "
                "what pip has fetched."
            )

    def _write_command(self) -> None:
        """`serve_app` beside its Python: shells complete a command that is on the PATH."""
        command = self.folder / "bin" / "serve_app"
        if command.exists() or self.folder.is_symlink():  # to one that several clones share
            return
        command.write_text(
            "#!/bin/sh\n"
            "# `python -m serve_app` of this clone, wherever it is called: for sh, and then for Python.\n"
            f"'''exec' \"{self.python.absolute()}\" \"$0\" \"$@\"\n' '''\n"
            f"import sys\n\nsys.path.insert(0, {str(ROOT)!r})\n"
            "from serve_app.__main__ import main\n\nmain()\n"
        )
        command.chmod(0o755)

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
    signal.signal(signal.SIGINT, lambda *_: None)
    with subprocess.Popen(command, env=ours, cwd=str(ROOT)) as child:
        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, lambda number, _: child.send_signal(number))
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
