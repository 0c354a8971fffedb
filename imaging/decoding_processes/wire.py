"""Messages between the fetcher and its decoding processes: a JSON head and raw bytes.

Nothing of it is unpickled: whoever takes over a decoding process by a bug in an image library still only gets
to say numbers and text.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

_LENGTHS = struct.Struct("!II")
_HEAD_BYTES = 2**16

FATE = struct.Struct("!?i")
"""Whether there was a process; the signal that ended it, 0 if none did, or else the error of the system."""


def send(peer: socket.socket, head: dict[str, Any], content: memoryview | bytes | bytearray = b"") -> None:
    """One message. Raises OSError when the other side has gone."""
    encoded = json.dumps(head).encode()
    peer.sendall(_LENGTHS.pack(len(encoded), len(content)) + encoded)
    peer.sendall(content)


def receive(
    peer: socket.socket, max_bytes: int, until: float | None = None
) -> tuple[dict[str, Any], bytearray]:
    """The next message, of at most ``max_bytes``, by the time ``until`` of ``time.monotonic`` if given.

    Raises EOFError when there is no whole one, TimeoutError when it is late, ValueError for what is none or
    over the limit.
    """
    head_length, content_length = _LENGTHS.unpack(_exactly(peer, _LENGTHS.size, until))
    if head_length + content_length > max_bytes or head_length > _HEAD_BYTES:
        raise ValueError("a message over the limit")
    try:
        head = json.loads(_exactly(peer, head_length, until))
    except RecursionError:
        raise ValueError("a head that is too deep") from None
    if not isinstance(head, dict):
        raise ValueError("a head that is no object")
    return head, _exactly(peer, content_length, until)


def _exactly(peer: socket.socket, length: int, until: float | None) -> bytearray:
    found = bytearray(length)
    rest = memoryview(found)
    while rest:
        if until is not None:
            peer.settimeout(max(until - time.monotonic(), 0.001))
        count = peer.recv_into(rest)
        if count == 0:
            raise EOFError("the other side has gone")
        rest = rest[count:]
    return found
