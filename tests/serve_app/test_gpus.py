from __future__ import annotations

import ctypes
from pathlib import Path
from types import SimpleNamespace

import pytest

from serve_app import gpus
from serve_app.gpus import gpus_here


class Nvml:
    """The library of a driver that knows ``count`` GPUs; None: it does not start."""

    def __init__(self, count: int | None) -> None:
        self._count = count
        self.open = 0

    def nvmlInit_v2(self) -> int:  # noqa: N802 - named by NVML
        self.open += self._count is not None
        return 0 if self._count is not None else 9

    def nvmlDeviceGetCount_v2(self, into: object) -> int:  # noqa: N802 - named by NVML
        ctypes.cast(into, ctypes.POINTER(ctypes.c_uint))[0] = self._count or 0  # type: ignore[arg-type]
        return 0

    def nvmlShutdown(self) -> int:  # noqa: N802 - named by NVML
        self.open -= 1
        return 0


@pytest.mark.parametrize(("counted", "found"), [(2, 2), (0, 0), (None, 0)])
def test_the_driver_is_asked(counted: int | None, found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml(counted)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: nvml)
    assert gpus_here({}) == found
    assert nvml.open == 0


def test_hidden_gpus_and_a_machine_without_a_driver_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> SimpleNamespace:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Nvml(2))
    assert gpus_here({"CUDA_VISIBLE_DEVICES": "-1"}) == 0
    assert gpus_here({"CUDA_VISIBLE_DEVICES": "1"}) == 2
    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert gpus_here({}) == 0


def test_of_another_makers_gpus_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "_AMD", Path("/dev/null"))
    assert gpus_here({}) is None
