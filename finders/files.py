"""The files of a detector: downloaded where they are missing, and checked.

Of some files no independent record of a hash is known. Of these, what the first download brings is taken,
which the log says loudly, and from then on the file must stay what it was.
"""

from __future__ import annotations

import logging
from pathlib import Path

from filelock import FileLock

from finders.catalogue import FinderModel, PublishedFile
from segmenters.checkpoints.digest import sha256_of
from segmenters.checkpoints.download import PATIENCE, Patience, cannot_write, download
from segmenters.checkpoints.fetch import fetch
from segmenters.checkpoints.locate import Checkpoint, mirrored, model_folder
from segmenters.checkpoints.progress import LogProgress, Progress
from segmenters.options import ModelOptions
from values.errors import ModelError

logger = logging.getLogger("ray.serve")


def checkpoint_of(model: FinderModel, file: PublishedFile, options: ModelOptions) -> Checkpoint | None:
    """Where ``file`` of ``model`` is kept, what it must be and where it comes from.

    None where nobody states a hash and nothing was taken so far. Each detector has a folder of its own, also
    in a mirror, because their files have the same names. Raises ``values.errors.ModelError`` for a mirror
    that is no URL of a folder.
    """
    path, url = _place(model, file, options)
    sha256 = file.sha256 or _taken(path)
    return None if sha256 is None else Checkpoint(path, sha256, url, f"{model.name} ({file.filename})")


def path_of(model: FinderModel, file: PublishedFile, options: ModelOptions) -> Path:
    """Where ``file`` of ``model`` is kept, absolute. Raises ``values.errors.ModelError`` as
    ``segmenters.checkpoints.locate.model_folder`` does."""
    return model_folder(options) / model.name / file.filename


def fetch_file(
    model: FinderModel,
    file: PublishedFile,
    options: ModelOptions,
    progress: Progress | None = None,
    patience: Patience = PATIENCE,
) -> Path:
    """The path of the file, which is there and is what it must be. Raises ``values.errors.ModelError``."""
    checkpoint = checkpoint_of(model, file, options)
    if checkpoint is not None:
        return fetch(checkpoint, progress, patience)
    path, url = _place(model, file, options)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock")):
            if _taken(path) is None:
                _take(model, path, url, progress, patience)
    except OSError as error:
        raise cannot_write(path, error) from None
    return fetch_file(model, file, options, progress, patience)


def _take(
    model: FinderModel, path: Path, url: str | None, progress: Progress | None, patience: Patience
) -> None:
    name = f"{model.name} ({path.name})"
    if not path.exists():
        if url is None:
            raise ModelError(f"there is no file of {name} at {path}; put it there, or set OFFLINE to false")
        download(url, path, sha256=None, size=None, progress=progress or LogProgress(name), patience=patience)
    sha256 = sha256_of(path)
    record_of(path).write_text(f"{sha256}\n")
    logger.warning(
        "%s: nobody states the hash of this file, so nothing tells whether it is the publisher's. It has the "
        "SHA-256 %s and is taken as it is; from now on it must stay so (%s). Compare it with a copy that you "
        "trust",
        name,
        sha256,
        record_of(path),
    )


def record_of(path: Path) -> Path:
    """The file that holds the SHA-256 with which ``path`` was first taken."""
    return path.with_name(f"{path.name}.first-sha256")


def _taken(path: Path) -> str | None:
    try:
        sha256 = record_of(path).read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read {record_of(path)}: {error}; correct or delete it") from None
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ModelError(f"{record_of(path)} does not hold a SHA-256; delete it to take the file as it is")
    return sha256


def _place(model: FinderModel, file: PublishedFile, options: ModelOptions) -> tuple[Path, str | None]:
    path = path_of(model, file, options)
    if options.offline:
        return path, None
    if options.checkpoint_mirror is not None:
        return path, mirrored(options.checkpoint_mirror, f"{model.name}/{file.filename}")
    return path, file.url
