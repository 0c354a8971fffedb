"""The system calls that decoding an image needs, as a program with which the kernel judges each one.

Whatever is not in the table fails with EPERM: opening files, sockets, other processes, signals, programs. The
program is classic BPF on ``struct seccomp_data``; it is made here because no kept library does it without a
native one that images of containers do not have.
"""

from __future__ import annotations

import errno
import struct
from functools import cache

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD+W+ABS, JMP+JEQ+K, JMP+JSET+K, RET+K
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_KILL = 0x80000000

_NUMBER, _PROCESSOR, _FIRST_ARGUMENT = (
    0,
    4,
    16,
)  # places in seccomp_data; an argument has 8 bytes, low ones first

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PROCESSORS = tuple(_AUDIT)

# name: (number on x86_64, number on aarch64); None where there is no such call.
CALLS: dict[str, tuple[int | None, int | None]] = {
    # what goes over connections and descriptors that are there
    "recvfrom": (45, 207),
    "sendto": (44, 206),
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    # memory of its own
    "brk": (12, 214),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "futex": (202, 98),
    # its own signals, timer, limits and end
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "setitimer": (38, 103),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "setrlimit": (160, 164),
    "exit": (60, 93),
    "exit_group": (231, 94),
    # what the libraries ask the system for
    "getpid": (39, 172),
    "gettid": (186, 178),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "gettimeofday": (96, 169),
    "nanosleep": (35, 101),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getrandom": (318, 278),
}
# Memory is never made executable, limits are those of this process, and descriptors are locked and no more:
# with other commands fcntl sends signals.
_PROT_EXEC = 4
_F_GETFL, _F_SETLK, _F_SETLKW = 3, 6, 7
NO_BITS: dict[str, tuple[tuple[int, int], int, int]] = {
    # name: (numbers, which argument, bits that it may not have)
    "mmap": ((9, 222), 2, _PROT_EXEC),
    "mprotect": ((10, 226), 2, _PROT_EXEC),
}
ONE_OF: dict[str, tuple[tuple[int, int], int, tuple[int, ...]]] = {
    # name: (numbers, which argument, values that it may have)
    "prlimit64": ((302, 261), 0, (0,)),
    "fcntl": ((72, 25), 1, (_F_GETFL, _F_SETLK, _F_SETLKW)),
}


@cache
def program(processor: str) -> bytes:
    """The filter for a processor, one of PROCESSORS. Raises KeyError for another."""
    which = PROCESSORS.index(processor) if processor in PROCESSORS else -1
    if which < 0:
        raise KeyError(processor)
    parts = [
        _instruction(_LOAD, _PROCESSOR),
        _instruction(_EQUAL, _AUDIT[processor], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
    ]
    for numbers in CALLS.values():
        number = numbers[which]
        if number is not None:
            parts += _if_called(number, [])
    for both, argument, bits in NO_BITS.values():
        parts += _if_called(both[which], [_argument(argument), _instruction(_ANY_BIT, bits, 0, 1), _refuse()])
    for both, argument, values in ONE_OF.values():
        # To the return behind this test, which is as many instructions away as there are values left and one.
        tests = [_instruction(_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
        parts += _if_called(both[which], [_argument(argument), *tests, _refuse()])
    return b"".join([*parts, _refuse()])


def _if_called(number: int, conditions: list[bytes]) -> list[bytes]:
    """Allow this call, if none of the conditions has returned something else."""
    return [_instruction(_EQUAL, number, 0, len(conditions) + 1), *conditions, _instruction(_RETURN, _ALLOW)]


def _argument(which: int) -> bytes:
    return _instruction(_LOAD, _FIRST_ARGUMENT + 8 * which)


def _refuse() -> bytes:
    return _instruction(_RETURN, _REFUSE)


def _instruction(code: int, value: int, if_so: int = 0, else_: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_so, else_, value)
