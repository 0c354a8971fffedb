"""Who comes first, from the door to the device."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """One order for all that is waited for: the smaller comes first.

    ``CLICK``: somebody clicked and waits. ``OPENED``: an annotator looks at the image and is about to click.
    ``NEXT``: the next tasks. ``LATER``: precompute, and what everybody has left who waited for it.
    """

    CLICK = 0
    OPENED = 1
    NEXT = 2
    LATER = 3

    @property
    def urgent(self) -> bool:
        """Whether an annotator is there who waits or is about to."""
        return self <= Priority.OPENED
