"""Files that lie where a model should."""

from __future__ import annotations


def mistaken(start: bytes) -> str | None:
    """What a file is whose first 64 bytes these are, if it is one of the usual mistakes for a model."""
    if not start:
        return "an empty file"
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS to one"
    if start.lstrip()[:1] == b"<":
        return "a web page"
    return None
