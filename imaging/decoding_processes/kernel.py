"""Linux's calls that Python has no functions for. Each raises OSError, ENOSYS where the system is another."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from functools import cache

_PR_SET_PDEATHSIG = 1
_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2

# The same on all processors.
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_VERSION = 1


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def processor() -> str:
    """The kind of processor as Linux names it, "" where programs do not see the processor as it is."""
    return os.uname().machine if sys.platform == "linux" and sys.maxsize > 2**32 else ""


def hide() -> None:
    """Close this process's memory and environment to all others of its user; it leaves no core either."""
    _prctl(_PR_SET_DUMPABLE, 0)


def is_hidden() -> bool:
    """Whether this process is closed to the others of its user."""
    return _prctl(_PR_GET_DUMPABLE) == 0


def end_with_parent() -> None:
    """End this process by SIGKILL when the one that forked it has ended."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def no_new_privileges() -> None:
    """Nothing that this process starts may do more than itself, for good."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def filter_calls(program: bytes) -> None:
    """Have each system call of this process judged by a BPF ``program``, for good."""
    told = _Program(len(program) // 8, program)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(told))


def landlock_version() -> int:
    """The newest version of Landlock that this kernel has."""
    return _syscall(_LANDLOCK_CREATE_RULESET, 0, 0, _LANDLOCK_VERSION)


def landlock(attributes: bytes) -> None:
    """Forbid this process, for good, all that a ruleset's ``attributes`` handle."""
    held = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = _syscall(_LANDLOCK_CREATE_RULESET, ctypes.addressof(held), len(attributes), 0)
    try:
        _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, first: int = 0, second: int = 0) -> int:
    return _called("prctl", ctypes.c_int(option), *(ctypes.c_ulong(each) for each in (first, second, 0, 0)))


def _syscall(number: int, *arguments: int) -> int:
    return _called("syscall", ctypes.c_long(number), *(ctypes.c_ulong(each) for each in arguments))


def _called(name: str, *arguments: ctypes._SimpleCData[int]) -> int:
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    result = int(getattr(_libc(), name)(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
