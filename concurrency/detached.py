"""Contexts of work that outlives the request it began in, or must not be taken for a part of it.

Ray Serve cancels what runs in a request's own context when the request ends, and its router hangs when calls
of one request run side by side. Still it should be known for which request the work is done.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable

Keeper = Callable[[], Callable[[], object] | None]
"""Looks at the caller's context, and returns what sets the same in another one, or None."""

_KEEPERS: list[Keeper] = []


def keep(keeper: Keeper) -> None:
    """From now on contexts of this process keep what ``keeper`` finds. A second time does nothing."""
    if keeper not in _KEEPERS:
        _KEEPERS.append(keeper)


def detached() -> contextvars.Context:
    """An empty context, but for what is kept of the caller's."""
    context = contextvars.Context()
    for keeper in _KEEPERS:
        if (put := keeper()) is not None:
            context.run(put)
    return context
