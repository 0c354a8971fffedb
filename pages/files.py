"""The files of the pages, read once, with the headers that they are served with.

Nothing is built: a browser runs what is in ``static/``. Nothing of it is from another host, and the policy
that goes with each file lets a browser ask none, and run no script and no style that is not a file here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

STATIC = Path(__file__).parent / "static"

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}
"""By the end of a file's name; no other file is served."""

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    # data: and blob: are pictures that the browser has already: the one that was opened, and masks.
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
}

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What every file is sent with, the description of the interface too."""


@dataclass(frozen=True, slots=True)
class File:
    """What is sent for one name: ``content`` as it is, under ``media_type``."""

    content: bytes
    media_type: str
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "etag", f'"{hashlib.sha256(self.content).hexdigest()[:32]}"')

    @property
    def headers(self) -> dict[str, str]:
        """All headers but the length. A browser asks each time whether the file is still the same."""
        return {
            **SECURITY_HEADERS,
            "Content-Type": self.media_type,
            "Cache-Control": "no-cache",
            "ETag": self.etag,
        }

    def is_known(self, if_none_match: str | None) -> bool:
        """Whether a client that sends this ``If-None-Match`` has the file already."""
        known = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
        return bool(known & {self.etag, "*"})


def read_files(folder: Path = STATIC) -> dict[str, File]:
    """Every file below ``folder`` by its path from there, such as ``playground/board.js``.

    Raises ValueError for a file whose kind is not in ``MEDIA_TYPES``.
    """
    return {
        path.relative_to(folder).as_posix(): File(path.read_bytes(), _media_type(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _media_type(path: Path) -> str:
    known = MEDIA_TYPES.get(path.suffix)
    if known is None:
        raise ValueError(
            f"{path}: no page is made of such files; their names end in {', '.join(MEDIA_TYPES)}"
        )
    return known
