from __future__ import annotations

import os

import pytest

from values.cores import usable_cores


@pytest.fixture
def _as_on_python_3_11(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "process_cpu_count", raising=False)


@pytest.mark.usefixtures("_as_on_python_3_11")
def test_only_the_cores_count_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 6}, raising=False)
    assert usable_cores() == 3


@pytest.mark.usefixtures("_as_on_python_3_11")
@pytest.mark.parametrize(("known", "cores"), [(8, 8), (None, 1)])
def test_all_cores_count_where_the_system_cannot_say_it(
    monkeypatch: pytest.MonkeyPatch, known: int | None, cores: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: known)
    assert usable_cores() == cores


def test_newer_pythons_say_it_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "process_cpu_count", lambda: 2, raising=False)
    assert usable_cores() == 2
