"""A Redis for what Ray's head knows."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PORT = 6379
ANSWERS_S = 20.0


def missing() -> str:
    """A sentence where there is no Redis to start; else empty."""
    if shutil.which("redis-server"):
        return ""
    return "redis-server is missing; install it (Debian, Ubuntu: apt-get install redis-server)."


class Redis:
    """Runs on ``address`` until the end of the ``with`` block, asks for ``password``, and keeps no file."""

    def __init__(self, folder: Path, address: str) -> None:
        self.password = secrets.token_hex(16)
        self.location = f"{address}:{PORT}"
        self._address = address
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The variables that lead Ray to it."""
        return {"RAY_REDIS_ADDRESS": self.location, "REDIS_PASSWORD": self.password}

    def __enter__(self) -> Self:
        config = (
            f"bind {self._address}\nport {PORT}\nrequirepass {self.password}\ndir {self._folder}\n"
            'save ""\nappendonly no\n'
        )
        self._process = subprocess.Popen(
            ["redis-server", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        assert self._process.stdin is not None
        with self._process.stdin as told:
            told.write(config.encode())
        deadline = time.monotonic() + ANSWERS_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((self._address, PORT), 1):
                return self
            time.sleep(0.1)
        raise RuntimeError(f"redis-server does not listen at {self.location}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
