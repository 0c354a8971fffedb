"""How many GPUs this machine has, told without Ray and without torch, which take seconds to import."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path

_AMD = Path("/dev/kfd")


def gpus_here(variables: Mapping[str, str]) -> int | None:
    """The GPUs of NVIDIA that its driver shows to a process with these ``variables``; None where that is not
    known, as with GPUs of others.

    https://docs.nvidia.com/deploy/nvml-api/ says what is called.
    """
    if _AMD.exists():
        return None
    shown = variables.get("CUDA_VISIBLE_DEVICES")
    if shown is not None and shown.strip() in ("", "-1", "NoDevFiles"):
        return 0
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return 0
    count = ctypes.c_uint()
    if nvml.nvmlInit_v2() != 0:
        return 0
    try:
        return count.value if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0 else None
    finally:
        nvml.nvmlShutdown()
