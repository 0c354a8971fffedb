"""The blocks for the shell in a page of the docs: what readers copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lines(page: Path) -> Iterator[str]:
    """The lines of a page's blocks; one that goes on after a backslash is one line."""
    for block in BLOCK.findall(page.read_text()):
        yield from (line for line in block.replace("\\\n", " ").splitlines() if line.strip())


def lines_with(page: Path, words: str) -> list[str]:
    """Those that have these words in them. Raises LookupError where there is none."""
    found = [line for line in lines(page) if words in line]
    if not found:
        raise LookupError(f"no block of {page.name} has a line with {words!r}")
    return found
