"""What a server's answer to a download means."""

from __future__ import annotations

import re

from net.file_client import FileAnswer, shown
from values.errors import ModelError

_MAY_PASS = frozenset({408, 425, 429})
_LOGIN = frozenset({401, 403, 407})


class Again(Exception):
    """A failure that the next attempt may not meet. Its text is the end of a sentence.

    ``afresh``: what is there of the file is of no use, the next attempt begins at its start.
    """

    def __init__(self, why: str, *, afresh: bool = False) -> None:
        super().__init__(why)
        self.afresh = afresh


def is_rest(answer: FileAnswer, url: str, size: int | None) -> bool:
    """Whether the answer is the rest of the file after ``size`` bytes, which were asked for, not the whole.

    ``size``: None when the whole was asked for. Raises ``Again`` and ``values.errors.ModelError``
    for answers that are neither.
    """
    status = answer.status
    if size is not None and status == 206:
        if _begins(answer) == size and "content-encoding" not in answer.headers:
            return True
        raise Again("it answers with another part of the file than it was asked for", afresh=True)
    if size is not None and status == 416:
        raise Again("it does not have the rest of the file", afresh=True)
    if status >= 500 or status in _MAY_PASS:
        raise Again(f"it answers {status}")
    if status != 200:
        raise ModelError(_refusal(status, url))
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        raise ModelError(
            f"{shown(url)} answers with a web page instead of a file: a login page or a proxy may be "
            "in between; check the network, HTTPS_PROXY and CHECKPOINT_MIRROR"
        )
    return False


def whole_size(answer: FileAnswer, url: str, before: int, size: int | None) -> int | None:
    """Bytes of the whole file, ``before`` of which are there already; None when nobody says.

    ``size``: what the file must have, or None. Raises ``values.errors.ModelError`` when the answer says
    otherwise.
    """
    length = answer.headers.get("content-length", "")
    if not length.isdecimal() or "content-encoding" in answer.headers:
        return size
    total = before + int(length)
    if size is not None and total != size:
        raise ModelError(
            f"{shown(url)} is a file of {total} bytes, expected {size}: it is not the published one; check "
            "CHECKPOINT_MIRROR, or the network if a login page may be in between"
        )
    return total


def _begins(answer: FileAnswer) -> int | None:
    found = re.match(r"bytes (\d+)-", answer.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _refusal(status: int, url: str) -> str:
    if status == 404:
        why = "there is no such file; check CHECKPOINT_MIRROR"
    elif status in _LOGIN:
        why = "it wants a login or lets nobody in from here; check CHECKPOINT_MIRROR and HTTPS_PROXY"
    else:
        why = "check the address and CHECKPOINT_MIRROR"
    return f"{shown(url)} answers {status}: {why}"
