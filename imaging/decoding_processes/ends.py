"""Early ends of a decoding process, and whose fault they are."""

from __future__ import annotations

import signal

from values.errors import Overloaded
from values.exhaustion import out_of

WORK = "decoding images"

# What a process is ended by when its own code went wrong. All else comes from outside.
_CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP}
)


class Unread(Exception):
    """No process has read the image: the machine's doing. ``error`` is the system's number, or None."""

    is_final = False

    def __init__(self, error: int | None = None) -> None:
        super().__init__(error)
        self.error = error

    def said(self) -> Overloaded:
        """The sentence."""
        if self.error is not None:
            return out_of(self.error, WORK)
        return Overloaded(
            f"no process for {WORK} lives on the machine that reads them: the system ends them, most likely "
            "for want of memory; give it more, or run fewer replicas there"
        )


class Ended(Exception):
    """A process ended over an image that it had read.

    ``signal`` is what ended it, 0 if it went by itself, None if nobody knows. ``fresh``: this was its first.
    """

    def __init__(self, signal: int | None, *, fresh: bool) -> None:
        super().__init__(signal)
        self.signal = signal
        self.fresh = fresh

    @property
    def is_crash(self) -> bool:
        """Whether its own code went wrong, and nobody else's doing ended it."""
        return self.signal == 0 or self.signal in _CRASHES

    @property
    def is_final(self) -> bool:
        """Whether another try would end like this one: the image is slow, or crashes what decodes it."""
        return self.signal == signal.SIGALRM or (self.fresh and self.is_crash)
