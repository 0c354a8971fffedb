"""The filter for each processor, judged here as the kernel judges it."""

from __future__ import annotations

import errno
import mmap
import struct

import pytest

from imaging.decoding_processes.seccomp import _AUDIT, CALLS, NO_BITS, ONE_OF, PROCESSORS, program

ALLOW, REFUSE, KILL = 0x7FFF0000, 0x50000 | errno.EPERM, 0x80000000


def judged(program: bytes, audit: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What a program returns for a call; classic BPF, of which it has four instructions."""
    call = struct.pack("<iIQ6Q", number, audit, 0, *(*arguments, *(0,) * 6)[:6])
    steps = list(struct.iter_unpack("<HBBI", program))
    at = held = 0
    while True:
        code, if_so, else_, value = steps[at]
        at += 1
        if code == 0x20:
            [held] = struct.unpack_from("<I", call, value)
        elif code == 0x15:
            at += if_so if held == value else else_
        elif code == 0x45:
            at += if_so if held & value else else_
        else:
            assert code == 0x06
            return int(value)


@pytest.mark.parametrize("processor", PROCESSORS)
def test_what_is_in_the_table_is_allowed_and_nothing_else(processor: str) -> None:
    which, made = PROCESSORS.index(processor), program(processor)
    allowed = {numbers[which] for numbers in CALLS.values()}
    judged_otherwise = {both[which] for both, *_ in (*NO_BITS.values(), *ONE_OF.values())}
    for number in set(range(600)) - judged_otherwise:
        expected = ALLOW if number in allowed else REFUSE
        assert judged(made, _AUDIT[processor], number, (1, 1, 1)) == expected, number
    assert judged(made, _AUDIT[processor], 0x40000000) == REFUSE  # x32, on the same processor


@pytest.mark.parametrize("processor", PROCESSORS)
def test_memory_limits_and_locks_by_what_they_ask_for(processor: str) -> None:
    which, made, audit = PROCESSORS.index(processor), program(processor), _AUDIT[processor]
    for both, argument, bits in NO_BITS.values():
        before = (0,) * argument
        assert judged(made, audit, both[which], (*before, mmap.PROT_READ | mmap.PROT_WRITE)) == ALLOW
        assert judged(made, audit, both[which], (*before, mmap.PROT_READ | bits)) == REFUSE
    for both, argument, values in ONE_OF.values():
        before = (0,) * argument
        for value in range(20):
            expected = ALLOW if value in values else REFUSE
            assert judged(made, audit, both[which], (*before, value)) == expected


def test_another_processors_numbers_end_the_process() -> None:
    for processor in PROCESSORS:
        for other in (set(_AUDIT.values()) | {0x40000003}) - {_AUDIT[processor]}:
            assert judged(program(processor), other, 0) == KILL
    with pytest.raises(KeyError):
        program("riscv64")
