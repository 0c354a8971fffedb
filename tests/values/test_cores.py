from __future__ import annotations

import os

import pytest

from values.cores import idle_cores, usable_cores


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


def test_idle_cores_are_those_that_nothing_runs_on() -> None:
    found = idle_cores()
    assert found is None or 0 <= found < (os.cpu_count() or 1), "what asks runs itself"


def test_where_nothing_says_what_runs_it_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> int:
        raise FileNotFoundError

    monkeypatch.setattr(os, "open", missing)
    assert idle_cores() is None
