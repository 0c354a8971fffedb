"""What one hostile value is, and what must become of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from values.errors import ImageError, ImageForbidden

MARK = "queried-for"
"""Stands in paths and queries: no sentence may repeat it. Tokens and logins hold the canary of all tests."""


@dataclass(frozen=True)
class Hostile:
    """One value of a task.

    ``value`` and ``leads`` may hold ``{studio}``, Label Studio's host and port, and ``{inside}``,
    ``{inside2}`` and ``{inside6}``, those of the internal services. ``leads`` are the Locations of the
    redirects that whoever is asked answers with, one a request; then it answers 404. ``error`` is how the
    read ends.
    """

    value: str
    tries: str
    error: type[ImageError] = ImageForbidden
    leads: tuple[str, ...] = ()


def each(table: Iterable[Hostile]) -> pytest.MarkDecorator:
    """Run a test for each entry of a table; it is named by what the entry tries."""
    entries = list(table)
    return pytest.mark.parametrize("hostile", entries, ids=[entry.tries for entry in entries])
