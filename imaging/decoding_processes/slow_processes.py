"""Decoding processes whose image is slow: they compute when nobody else wants the processor, one at a time.

SCHED_IDLE alone is not enough. Where processes of very different weight share a group of the scheduler (a
session, by its autogroup, or a container), several that compute without a pause let those outside the group
wait: others of the machine, and the kernel's own threads, which the network needs. Measured with Linux 6.18
on two cores: up to 4 s beside two or more, .1 s beside one, and beside five that take turns.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable

TURN_S = 0.1
"""How long one computes while others wait. With five times that, the machine's others waited .5 s."""


class SlowProcesses:
    """Children of this process, by their numbers; only the first of them computes.

    Not to be interrupted by what removes one: block SIGCHLD around all calls.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._children: deque[int] = deque()
        self._until = 0.0

    def add(self, child: int) -> None:
        """It comes behind all others from now on."""
        # Niceness would not do: Ray's workers have 15 levels of it, and encoders the last there are.
        with contextlib.suppress(OSError, AttributeError):  # where the system has it not
            os.sched_setscheduler(child, os.SCHED_IDLE, os.sched_param(0))
        self._children.append(child)
        if len(self._children) > 1:
            os.kill(child, signal.SIGSTOP)
        else:
            self._begin()

    def remove(self, child: int) -> None:
        """It has ended, or will have in a moment. Nothing happens where it is none of these."""
        if child not in self._children:
            return
        computed = self._children[0] == child
        self._children.remove(child)
        if computed and self._children:
            self._begin()

    def left_s(self) -> float | None:
        """Seconds until it is another's turn; None where there is no other."""
        return max(0.0, self._until - self._clock()) if len(self._children) > 1 else None

    def rotate(self) -> None:
        """Let the next one compute, where the time of the present one is over."""
        if self.left_s() == 0:
            os.kill(self._children[0], signal.SIGSTOP)
            self._children.rotate(-1)
            self._begin()

    def _begin(self) -> None:
        os.kill(self._children[0], signal.SIGCONT)
        self._until = self._clock() + TURN_S
