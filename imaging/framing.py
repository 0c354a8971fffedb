"""Messages between the fetcher and its decoding processes: a JSON head and raw bytes.

Nothing of it is unpickled: whoever takes over a decoding process by a bug in an image library still only gets
to say numbers and text.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTHS = struct.Struct("!II")

FATE = struct.Struct("!?i")
"""Whether there was a process; the signal that ended it, 0 if none did, or else the error of the system."""


def send(peer: socket.socket, head: dict[str, Any], content: memoryview | bytes | bytearray = b"") -> None:
    """One message. Raises OSError when the other side has gone."""
    encoded = json.dumps(head).encode()
    peer.sendall(_LENGTHS.pack(len(encoded), len(content)) + encoded)
    peer.sendall(content)


def receive(peer: socket.socket, max_bytes: int) -> tuple[dict[str, Any], bytearray]:
    """The next message, of at most ``max_bytes``.

    Raises EOFError when there is no whole one, ValueError for what is none or over the limit.
    """
    head_length, content_length = _LENGTHS.unpack(_exactly(peer, _LENGTHS.size))
    if head_length + content_length > max_bytes:
        raise ValueError("a message over the limit")
    head = json.loads(_exactly(peer, head_length))
    return head, _exactly(peer, content_length)


def _exactly(peer: socket.socket, length: int) -> bytearray:
    found = bytearray(length)
    rest = memoryview(found)
    while rest:
        count = peer.recv_into(rest)
        if count == 0:
            raise EOFError("the other side has gone")
        rest = rest[count:]
    return found
