"""What a file is by its first bytes, where it lies in place of a model."""

from __future__ import annotations


def usual_mistake(start: bytes) -> str | None:
    """What a file is that begins with these 64 bytes, if it is a usual mistake for a model; else None."""
    if not start:
        return "an empty file"
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS to one"
    if start.lstrip()[:1] == b"<":
        return "a web page"
    return None
