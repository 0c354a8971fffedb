"""Importing a folder of images into a Label Studio project, each image once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from label_studio.client import LabelStudio
from label_studio.projects import import_files
from label_studio.tasks import TaskListing
from serve_app.cli.common_options import CommandError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})

_DIGEST = 12  # hex digits of SHA-256: 48 bits, so that even a million images do not collide
_MARK = re.compile(rf"-([0-9a-f]{{{_DIGEST}}})\.[A-Za-z]+$")
_BATCH_FILES, _BATCH_BYTES = 20, 48 << 20


def find(folder: Path) -> list[Path]:
    """Images below ``folder``, sorted. Raises ``CommandError`` if it is no folder or has none."""
    if not folder.is_dir():
        raise CommandError(f"--images {folder}: there is no such folder")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        raise CommandError(f"--images {folder}: no images in it ({', '.join(sorted(SUFFIXES))})")
    return paths


def upload_name(path: Path, content: bytes) -> str:
    """Name under which an image is uploaded: its own, and a digest of its content to know it again by."""
    stem = re.sub(r"[^\w.-]+", "_", path.stem)[:40]  # Label Studio keeps 100 characters of path in all
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:_DIGEST]}{path.suffix.lower()}"


def digest_of(name: str) -> str | None:
    """The digest that ``upload_name`` put into a name or URL, or None."""
    match = _MARK.search(name)
    return match[1] if match else None


def import_new(
    studio: LabelStudio, project: int, paths: Iterable[Path], progress: Callable[[int], None]
) -> tuple[int, int]:
    """Upload the images the project does not have yet; (how many are new, how many were there).

    ``progress`` is called with the number of files dealt with since the last call.
    Raises ``CommandError``, or what ``LabelStudio`` raises.
    """
    known = set(_digests(studio, project))
    new = there = 0
    for batch, skipped in _batches(paths, known):
        if batch:
            import_files(studio, project, batch)
        new += len(batch)
        there += skipped
        progress(len(batch) + skipped)
    return new, there


def _digests(studio: LabelStudio, project: int) -> Iterator[str]:
    """Digests of the images that the project's tasks show already."""
    for task in TaskListing(studio, project):
        for value in json.loads(task.data).values():
            if isinstance(value, str) and (digest := digest_of(value)):
                yield digest


def _batches(paths: Iterable[Path], known: set[str]) -> Iterator[tuple[dict[str, bytes], int]]:
    batch: dict[str, bytes] = {}
    skipped = size = 0
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CommandError(f"cannot read {path}: {error.strerror}") from error
        name = upload_name(path, content)
        digest = digest_of(name)
        if digest is None or digest in known:
            skipped += 1
            continue
        if batch and (len(batch) == _BATCH_FILES or size + len(content) > _BATCH_BYTES):
            yield batch, skipped
            batch, skipped, size = {}, 0, 0
        known.add(digest)
        batch[name] = content
        size += len(content)
    yield batch, skipped
