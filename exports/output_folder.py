"""The folder of an export: files that appear whole, files that grow by lines, and where an export stopped.

The state is saved after each task, with the lengths that growing files have then. An export that is run again
cuts them to those lengths and goes on behind that task; files of their own are simply written again.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from values.errors import ServiceError

Json = Any

STATE = ".export-state.json"
_PARTIAL = ".partial"
_GROWING = ".jsonl"
_COPIED = 2**20


class ExportError(ServiceError):
    """An export that cannot be written, or not there; the text says what to do."""


class OutputFolder:
    """The folder that an export is written to. Use as a context manager, from one thread.

    ``asked``: what is exported, and how; an export that is gone on with must have been asked for alike.
    ``state``: whatever is to be known when it goes on, JSON; empty for a new export.

    Everything raises ExportError where the file system refuses.
    """

    def __init__(self, folder: Path, asked: Mapping[str, Json]) -> None:
        self.folder = folder
        self.state: dict[str, Json] = {}
        self.resumed = False
        self._asked = json.loads(json.dumps(asked))
        self._growing: dict[str, BinaryIO] = {}
        self._made: set[Path] = set()
        with _refusals(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._open()

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._growing.values():
            with suppress(OSError):  # what could not be written has been said
                file.close()

    def add_line(self, name: str, record: Json) -> None:
        """Add a line of JSON to a growing file, whose name ends with .jsonl."""
        with _refusals(self.folder / name):
            self._grown(name).write(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a growing file, without their ends; none where there is no such file."""
        path = self.folder / name
        with _refusals(path):
            if name in self._growing:
                self._growing[name].flush()
            if path.exists():
                with path.open("rb") as file:
                    for line in file:
                        yield line.rstrip(b"\n")

    @contextmanager
    def new_file(self, name: str) -> Iterator[BinaryIO]:
        """A file to write, which appears under its name when all is written."""
        path = self.folder / name
        partial = path.with_name(path.name + _PARTIAL)
        with _refusals(path):
            if path.parent not in self._made:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(path.parent)
            try:
                with partial.open("wb") as file:
                    yield file
                partial.replace(path)
            finally:
                with suppress(OSError):
                    partial.unlink(missing_ok=True)

    def write(self, name: str, content: bytes | bytearray) -> None:
        """Write a whole file."""
        with self.new_file(name) as file:
            file.write(content)

    def write_json(self, name: str, content: Json) -> None:
        """Write a whole file of JSON."""
        self.write(name, json.dumps(content, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def save(self) -> None:
        """Save the state with the lengths of what grows: an export that is run again goes on from here."""
        lengths = {}
        for name, file in self._growing.items():
            with _refusals(self.folder / name):
                file.flush()
                lengths[name] = file.tell()
        saved = {"asked": self._asked, "lengths": lengths, "state": self.state}
        self.write(STATE, json.dumps(saved).encode())

    def remove(self, name: str) -> None:
        """Remove a growing file."""
        with _refusals(self.folder / name):
            if (file := self._growing.pop(name, None)) is not None:
                file.close()
            (self.folder / name).unlink(missing_ok=True)

    def finish(self) -> None:
        """The export is whole: nothing is left to go on with."""
        with _refusals(self.folder / STATE):
            for file in self._growing.values():
                file.flush()
            (self.folder / STATE).unlink(missing_ok=True)

    def _open(self) -> None:
        path = self.folder / STATE
        if not path.exists():
            if any(not each.name.endswith(_PARTIAL) for each in self.folder.iterdir()):
                raise ExportError(
                    f"{self.folder} is not empty, and holds no interrupted export; name another folder"
                )
            self.save()
            return
        try:
            saved = json.loads(path.read_bytes())
            asked, lengths, self.state = saved["asked"], saved["lengths"], dict(saved["state"])
        except (ValueError, KeyError, TypeError):
            raise ExportError(f"{path} is damaged; remove {self.folder} and export again") from None
        if asked != self._asked:
            other = [key for key in self._asked if asked.get(key) != self._asked[key]]
            raise ExportError(
                f"{self.folder} holds an interrupted export with other options "
                f"({', '.join(other)}): use the same options, or name another folder"
            )
        self.resumed = True
        for growing in self.folder.glob(f"*{_GROWING}"):
            if growing.name not in lengths:  # begun after the state was saved
                growing.unlink()
        for name, length in lengths.items():
            os.truncate(self.folder / name, length)
            self._grown(name)

    def _grown(self, name: str) -> BinaryIO:
        if name not in self._growing:
            self._growing[name] = (self.folder / name).open("ab")
        return self._growing[name]


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        remedy = ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "; make room and run the same command again: it goes on where it stopped"
        raise ExportError(f"cannot write {path}: {why}{remedy}") from error
