"""Lists as variables of the environment hold them."""

from __future__ import annotations

from typing import Any


def split_commas(value: Any) -> Any:
    """Text such as `a, b` becomes ("a", "b"), empty parts left out; anything but a string stays as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value
