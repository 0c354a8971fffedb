"""A decoding process that a file has taken over, with its control connection's descriptor as argument.

The "image" is the text of what it tries, with its arguments; what came of it is told as an error's detail.
The variable WITHOUT names parts of the box, comma-separated, that the system is to have not.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

from imaging.decoding_processes import box, kernel, process
from values.errors import ImageCorrupt

_PTRACE_SEIZE = 0x4206  # which does not stop the other one, should it succeed
_LIBC = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


class _Piece(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _read_memory(pid: str) -> None:
    """Of an address that is nobody's: who may read there at all hears EFAULT, OSError."""
    piece = _Piece(1, 1)
    pieces = ctypes.byref(piece)
    _checked(_LIBC.process_vm_readv(int(pid), pieces, ctypes.c_ulong(1), pieces, ctypes.c_ulong(1), 0))


def _stubborn() -> None:
    """Heeds no timer and answers nothing."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    while True:
        time.sleep(60)


def _connect(port: str) -> None:
    with socket.socket() as one:
        one.connect(("127.0.0.1", int(port)))


def _descriptors() -> list[int]:
    there = []
    for each in range(256):
        with contextlib.suppress(OSError):
            fcntl.fcntl(each, fcntl.F_GETFL)
            there.append(each)
    return there


TRIES: dict[str, Callable[..., object]] = {
    "nothing": lambda: None,
    "own environment": lambda: sorted(os.environ),
    "descriptors": _descriptors,
    "environment": lambda pid: Path(f"/proc/{pid}/environ").read_bytes(),
    "memory": lambda pid: os.open(f"/proc/{pid}/mem", os.O_RDONLY),
    "vm_readv": _read_memory,
    "ptrace": lambda pid: _checked(_LIBC.ptrace(_PTRACE_SEIZE, int(pid), None, None)),
    "limits": lambda pid: resource.prlimit(int(pid), resource.RLIMIT_NOFILE),
    "kill": lambda pid: os.kill(int(pid), 0),
    "owner": lambda pid: fcntl.fcntl(0, fcntl.F_SETOWN, int(pid)),
    "read": lambda path: Path(path).read_bytes(),
    "write": lambda path: Path(path).write_bytes(b""),
    "list": lambda path: os.listdir(path),  # noqa: PTH208
    "remove": lambda path: Path(path).unlink(),
    "connect": _connect,
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "pair": socket.socketpair,
    "exec": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
    "fork": os.fork,
    "thread": lambda: threading.Thread(target=int).start(),
    "more": lambda: resource.setrlimit(resource.RLIMIT_NPROC, (99, 99)),
    "code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "hidden": kernel.is_hidden,
    "show": lambda: kernel._prctl(4, 1),
    "stubborn": _stubborn,
}


def _lacking() -> NoReturn:
    raise OSError(errno.ENOSYS, "Function not implemented")


def _try(data: bytes, *_: Any) -> NoReturn:
    name, *arguments = data.decode().split("|")
    try:
        came = f"done: {TRIES[name](*arguments)!r}"
    except (OSError, RuntimeError, ValueError) as error:
        came = f"denied: {type(error).__name__}"
    raise ImageCorrupt(came)


if __name__ == "__main__":
    for part in filter(None, os.environ.pop("WITHOUT", "").split(",")):
        box._PARTS[part] = _lacking
    if os.getuid() == 0:
        os.setgroups([4711])
    with patch.object(process, "decode", _try):
        process.serve(socket.socket(fileno=int(sys.argv[1])))
