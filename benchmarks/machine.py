"""The machine that a benchmark runs on, in one line."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from values.cores import usable_cores

_PACKAGES = ("torch", "onnxruntime", "openvino", "ray")


def described() -> str:
    """Processor, cores that this process may use, load average over the last minute, versions."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text()
    except OSError:
        cpuinfo = ""
    cores = usable_cores()
    load = f"load {os.getloadavg()[0]:.1f}"
    versions = [f"Python {platform.python_version()}", *(_version(name) for name in _PACKAGES)]
    return f"{processor(cpuinfo)}, {cores} cores, {load}; {', '.join(versions)}"


def processor(cpuinfo: str) -> str:
    """The name in what Linux says in /proc/cpuinfo, or the architecture where there is none."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.machine() or "unknown processor"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"
