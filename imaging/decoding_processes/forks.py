"""The processes that decode, as the small process sees them that forks them; slow ones take turns.

SCHED_IDLE alone is not enough. Where processes of very different weight share a group of the scheduler (a
session, by its autogroup, or a container), several that compute without a pause let those outside the group
wait: others of the machine, and the kernel's own threads, which the network needs. Measured with Linux 6.18
on two cores: up to 4 s with two or more, .1 s with one, and with five that take turns.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import select
import signal
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO

from imaging.decoding_processes import box, wire
from imaging.decoding_processes.answering import Answering, Work

TURN_S = 0.1
"""How long one computes while others wait. With five times that, the machine's others waited .5 s."""

LARGE_PIXELS = 25_000_000
"""Pixels of a picture from which on it is large: such pictures are decoded one after another."""


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


class Forks:
    """The processes that decode, and whom to tell when they end."""

    def __init__(self, control: socket.socket, work: Work) -> None:
        self._control = control
        self._work = work
        self._told: dict[int, socket.socket] = {}
        self._slow = SlowProcesses()
        self._turns: IO[bytes] | None = None

    def fork(self, peer: socket.socket, told: socket.socket) -> None:
        """One more process, for the images that come over ``peer``; ``told`` learns how it ends."""
        try:
            with _no_child_signals():
                if self._turns is None:
                    self._turns = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this process is
                child = os.fork()
                if child == 0:
                    self._become_one(peer, self._turns)
                self._told[child] = told
        except OSError as error:
            _tell(told, started=False, number=error.errno or 0)

    def reap(self, *_: object) -> None:
        """Tell of all that have ended. Called for a signal, and so maybe in the middle of itself."""
        while self._told:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:  # the last ones are being told of by whom this call interrupts
                return
            if child == 0:
                return
            self._slow.remove(child)
            _tell(self._told.pop(child), started=True, number=os.WTERMSIG(status))

    def wait(self) -> bool:
        """End the processes that nobody waits for any more, and let the slow ones take turns, until something
        comes over the control connection.

        Whether it is to be read now; else to be called again.
        """
        with _no_child_signals():
            self._slow.rotate()
            left_s = self._slow.left_s()
            told = {each.fileno(): child for child, each in self._told.items() if each.fileno() >= 0}
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        for descriptor in told:
            poll.register(descriptor, select.POLLIN)
        is_asked = False
        for descriptor, happened in poll.poll(None if left_s is None else math.ceil(left_s * 1000)):
            if descriptor == self._control.fileno():
                is_asked = True
            elif happened == select.POLLIN:
                self._put_behind(told[descriptor])
            else:  # closed by the other side
                self._end(told[descriptor])
        return is_asked

    def _put_behind(self, child: int) -> None:
        with _no_child_signals():
            told = self._told.get(child)
            if told is not None:
                told.recv(1)
                self._slow.add(child)

    def _end(self, child: int) -> None:
        with _no_child_signals():
            told = self._told.get(child)
            if told is not None:  # else it has ended by itself, and its number may be another's
                told.close()
                os.kill(child, signal.SIGKILL)

    def _become_one(self, peer: socket.socket, lock: IO[bytes]) -> None:
        ended = 1
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            answering = Answering(peer, self._work, partial(turn, lock))
            answering.lacks = box.close([0, 1, 2, peer.fileno(), lock.fileno()])
            while answering.one():
                pass
            ended = 0
        finally:
            os._exit(ended)  # nothing of the parent's is to be cleaned up here


@contextlib.contextmanager
def turn(file: IO[bytes], pixels: int) -> Iterator[None]:
    """Decode large images one after another, so that memory is needed for one of them only."""
    if pixels <= LARGE_PIXELS:
        yield
        return
    fcntl.lockf(file, fcntl.LOCK_EX)  # which the end of the process undoes as well
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)


@contextlib.contextmanager
def _no_child_signals() -> Iterator[None]:
    """So that no process ends before it is known."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _tell(told: socket.socket, *, started: bool, number: int) -> None:
    with told, contextlib.suppress(OSError):  # nobody may be there any more
        told.send(wire.FATE.pack(started, number))
