"""The file of a checkpoint: downloaded where it is missing, and checked; and whether it could be."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from concurrency.abandonable import begin_abandonable
from net.file_client import FileClient, NoAnswer
from segmenters.checkpoints.digest import remember, sha256_of
from segmenters.checkpoints.download import PATIENCE, Patience, cannot_write, download
from segmenters.checkpoints.locate import Checkpoint, State, state_of
from segmenters.checkpoints.progress import LogProgress, Progress
from segmenters.models import PUBLISHED, size_of
from values.errors import ModelError

logger = logging.getLogger("ray.serve")


def fetch(checkpoint: Checkpoint, progress: Progress | None = None, patience: Patience = PATIENCE) -> Path:
    """The path of the checkpoint. Its file is there and has the right SHA-256.

    A missing file is downloaded if there is a URL. One caller at a time downloads, on this machine or in a
    shared folder; the others wait for it. ``progress``: what the download reports to, by default the log.
    Raises ``values.errors.ModelError``.
    """
    path = checkpoint.path
    if not _exists(path):
        if checkpoint.url is None:
            raise ModelError(_missing(checkpoint))
        with _locked(path, checkpoint.label):
            if not _exists(path):
                _download(checkpoint, checkpoint.url, progress or LogProgress(_name_of(checkpoint)), patience)
    _check(checkpoint)
    return path


def check_present(checkpoint: Checkpoint) -> None:
    """Raises ``values.errors.ModelError`` for a file that is missing and may not be downloaded, or that has
    another size than its publisher's. The file is not read."""
    if not _exists(checkpoint.path):
        if checkpoint.url is None:
            raise ModelError(_missing(checkpoint))
        return
    size = size_of(checkpoint.sha256)
    if size is not None and state_of(checkpoint.path, size) is not State.ON_DISK:
        again = "delete it so that it is downloaded again" if checkpoint.url else "put the right file there"
        raise ModelError(
            f"{checkpoint.path} is not the checkpoint of {_name_of(checkpoint)}, which has {size} bytes: "
            f"{again}, or, if it is a fine-tuned one of yours, name it as CHECKPOINT"
        )


def _download(checkpoint: Checkpoint, url: str, progress: Progress, patience: Patience) -> None:
    path, sha256 = checkpoint.path, checkpoint.sha256
    download(url, path, sha256=sha256, size=size_of(sha256), progress=progress, patience=patience)
    remember(path, sha256)


def _check(checkpoint: Checkpoint) -> None:
    path, sha256 = checkpoint.path, checkpoint.sha256
    found = sha256_of(path)
    if found == sha256:
        return
    again = "delete it so that it is downloaded again" if checkpoint.url else "put the right file there"
    raise ModelError(
        f"{path} is not the checkpoint of {_name_of(checkpoint)}: its SHA-256 is {found}, expected {sha256}; "
        f"{again}, or, if it is a fine-tuned one of yours, name it as CHECKPOINT"
    )


def _missing(checkpoint: Checkpoint) -> str:
    published = PUBLISHED.get(checkpoint.label)
    where = f"there is no checkpoint of {_name_of(checkpoint)} at {checkpoint.path}"
    if published is not None and published.filename == checkpoint.path.name:
        return (
            f"{where}; run `python -m serve_app models download {checkpoint.label}`, or set MODEL_DIR to the "
            "folder that has it"
        )
    return (
        f"{where}; put the file there, or correct the setting that names it (MODEL_DIR for a relative path)"
    )


def _name_of(checkpoint: Checkpoint) -> str:
    return checkpoint.label or checkpoint.path.name


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ModelError(f"cannot look for the checkpoint {path}: {error.strerror or error}") from None
    return True


@contextmanager
def _locked(path: Path, label: str) -> Iterator[None]:
    """Hold the lock of the file. Logs a line where another process holds it, because the wait is long."""
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.info("%s: another process downloads it, waiting", label or path.name)
            lock.acquire(poll_interval=0.2)
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        yield
    finally:
        lock.release()


def unreachable(url: str, timeout_s: float = 5.0) -> str | None:
    """Why a HEAD request for ``url`` has no answer of 2xx after redirects, in a few words; None if it has.

    Takes ``timeout_s`` at most, whatever the resolver, a proxy or the server does.
    """
    # Nothing can interrupt a resolver, or a server that sends a byte now and then.
    asking = begin_abandonable(lambda: _asked(url, timeout_s), "reachable")
    try:
        return asking.result(timeout_s)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"


def _asked(url: str, timeout_s: float) -> str | None:
    try:
        with (
            FileClient(connect_s=timeout_s, stall_s=timeout_s) as client,
            client.ask("HEAD", url) as answer,
        ):
            return None if 200 <= answer.status < 300 else f"it answers {answer.status}"
    except NoAnswer as error:
        return str(error)
    except ModelError as error:
        return error.detail
    except Exception as error:  # a thread's traceback would reach nobody
        return f"it cannot be asked ({type(error).__name__})"
