"""Which authorities are trusted to vouch for a host's certificate."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import httpx


def authorities(*, environment: bool = True) -> ssl.SSLContext:
    """certifi's authorities, or with ``environment`` those of SSL_CERT_FILE or SSL_CERT_DIR where one is set.

    To read them takes 30 ms, so all clients of a process share them, until the variables change or the file
    is written again. Raises OSError where the variable names what cannot be read as certificates.
    """
    file, folder = (
        os.environ.get(name, "") if environment else "" for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")
    )
    return _read(environment, file, _written(file) if file else 0, folder)


@lru_cache(maxsize=8)
def _read(environment: bool, file: str, written: int, folder: str) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=environment)


def _written(file: str) -> int:
    with suppress(OSError):
        return Path(file).stat().st_mtime_ns
    return 0
