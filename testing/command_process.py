"""A command in a process of its own, for tests that interrupt or kill it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from serve_app import ROOT


@contextmanager
def python(*arguments: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Python with these arguments and no variables but ``env``, in the repository; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
