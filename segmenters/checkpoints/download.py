"""Downloads of one file: resumed, checked, and in their place only when they are whole."""

from __future__ import annotations

import errno
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from net.file_client import CONNECT_S, STALL_S, FileAnswer, FileClient, NoAnswer, shown
from segmenters.checkpoints.progress import MIB, Progress
from segmenters.checkpoints.resume import Again, Partial, is_rest, whole_size
from values.errors import ModelError

if TYPE_CHECKING:
    from hashlib import _Hash

    from tenacity.wait import WaitBaseT

_BACK_OFF = wait_random_exponential(multiplier=1, max=30)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a slow or broken server is tried.

    ``connect_s``, ``stall_s``, ``slowest``: see ``net.file_client.FileClient``. ``attempts``: failures in a
    row that end the download; one that got ``worth`` bytes further than all before begins a new row.
    ``wait``: between attempts.
    """

    connect_s: float = CONNECT_S
    stall_s: float = STALL_S
    slowest: int = 1024
    attempts: int = 5
    worth: int = MIB
    wait: WaitBaseT = _BACK_OFF


PATIENCE = Patience()


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None,
    size: int | None,
    progress: Progress,
    patience: Patience = PATIENCE,
) -> None:
    """Download ``url`` to ``target``, which appears only once it is whole and is what it must be.

    ``sha256``: lower case hex, or None where nobody states it: then whatever comes whole is taken.
    ``size``: bytes, or None. A part that an interrupted download left is resumed
    where the server still has that version. The caller prevents two calls for one target at once.
    Raises ``values.errors.ModelError``.
    """
    try:
        _Download(url, target, sha256, size, progress, patience).run()
    except OSError as error:
        raise cannot_write(target, error) from None


def cannot_write(path: Path, error: OSError) -> ModelError:
    """The error for a place where a checkpoint cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "free some space there, or set MODEL_DIR to a folder on another disk"
    else:
        remedy = "set MODEL_DIR to a folder that can be written"
    return ModelError(f"cannot write {path}: {error.strerror or error}; {remedy}")


class _Download:
    def __init__(
        self,
        url: str,
        target: Path,
        sha256: str | None,
        size: int | None,
        progress: Progress,
        patience: Patience,
    ) -> None:
        self._url = url
        self._target = target
        self._sha256 = sha256
        self._size = size
        self._progress = progress
        self._patience = patience
        self._partial = Partial(target, shown(url))
        self._furthest = 0
        self._failures = 0

    def run(self) -> None:
        """Download, with as many attempts as patience allows."""
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._furthest = self._partial.size
        if self._size is not None:
            self._need(self._size - self._furthest)
        retrying = Retrying(
            stop=self._give_up, wait=self._patience.wait, retry=retry_if_exception_type(Again), reraise=True
        )
        patience = self._patience
        with FileClient(
            connect_s=patience.connect_s, stall_s=patience.stall_s, slowest=patience.slowest
        ) as client:
            try:
                retrying(self._attempt, client)
            except Again as error:
                raise ModelError(
                    f"cannot download {self._target.name} from {shown(self._url)}: {error}; check the "
                    "network, HTTPS_PROXY and CHECKPOINT_MIRROR and try again: what is there so far is kept"
                ) from None
        self._partial.finish()

    def _give_up(self, _: RetryCallState) -> bool:
        reached = self._partial.size
        if reached >= self._furthest + self._patience.worth:
            self._furthest, self._failures = reached, 0
        self._failures += 1
        return self._failures >= self._patience.attempts

    def _attempt(self, client: FileClient) -> None:
        before, digest = self._partial.size, self._partial.digest()
        if before and before == self._size:
            # The last download ended between the last byte and the move into its place.
            if self._sha256 in (None, digest.hexdigest()):
                return
            self._partial.discard()
        asked = self._partial.range_headers()
        try:
            with client.ask("GET", self._url, asked) as answer:
                rest = is_rest(answer, self._url, before if asked else None)
                total = whole_size(answer, self._url, before if rest else 0, self._size)
                if total is not None:
                    self._need(total - before)
                if rest:
                    self._receive(answer, self._partial.resume(), before, total, digest)
                else:
                    fresh = self._partial.start(answer.headers)
                    self._receive(answer, fresh, 0, total, hashlib.sha256())
        except NoAnswer as error:
            raise Again(str(error)) from None
        except Again as error:
            if error.afresh:
                self._partial.discard()
            raise

    def _receive(
        self, answer: FileAnswer, file: BinaryIO, before: int, total: int | None, digest: _Hash
    ) -> None:
        """Write the answer behind the ``before`` bytes in ``file`` and ``digest``, and check the whole."""
        done = before
        with file:
            self._progress(done, total)
            for chunk in answer.chunks:
                done += len(chunk)
                if total is not None and done > total:
                    raise Again("it sends more than the whole file", afresh=True)
                digest.update(chunk)
                file.write(chunk)
                self._progress(done, total)
        if total is not None and done < total:
            raise Again("the file ends early")
        self._progress(done, done)
        self._verify(digest.hexdigest(), resumed=before > 0)

    def _verify(self, sha256: str, *, resumed: bool) -> None:
        if self._sha256 in (None, sha256):
            return
        if resumed:
            # The damage may be in the part that was there before.
            raise Again("the resumed file is damaged", afresh=True)
        self._partial.discard()
        raise ModelError(
            f"{self._target.name} from {shown(self._url)} is not the expected file: its SHA-256 is {sha256}, "
            f"expected {self._sha256}; the mirror or the publisher may serve another file now, or something "
            "in between changes it: check CHECKPOINT_MIRROR and HTTPS_PROXY"
        )

    def _need(self, missing: int) -> None:
        """Raises ``values.errors.ModelError`` where the disk cannot hold ``missing`` bytes more."""
        free = shutil.disk_usage(self._target.parent).free
        if missing > free:
            raise ModelError(
                f"{self._target.name} needs {missing / MIB:.0f} MiB more in {self._target.parent}, which "
                f"has {free / MIB:.0f} MiB left; free some space there, or set MODEL_DIR to another disk"
            )
