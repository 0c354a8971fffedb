"""Variables that are set but empty."""

from __future__ import annotations

from typing import Any


def unset_if_blank(value: Any) -> Any:
    """A variable that is set but empty, as compose files leave them, means: not set."""
    return (value.strip() or None) if isinstance(value, str) else value
