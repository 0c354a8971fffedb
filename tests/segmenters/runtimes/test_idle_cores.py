from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from segmenters.runtimes.idle_cores import WhereIdle
from segmenters.runtimes.session import Array


class Noting:
    """Notes its calls; ``meanwhile`` is called in each."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.calls = 0
        self._meanwhile = meanwhile

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        self.calls += 1
        self._meanwhile()
        return {name: np.zeros(1) for name in outputs}


@pytest.mark.parametrize(("idle", "wide"), [(0, 0), (2, 0), (3, 1), (8, 1), (None, 1)])
def test_a_lone_call_is_wide_where_as_many_cores_idle(idle: int | None, wide: int) -> None:
    both = Noting(), Noting()
    WhereIdle(*both, 4, lambda: idle).run({}, ["out"])
    assert [session.calls for session in both] == [1 - wide, wide]


def test_of_several_calls_each_has_its_own_core() -> None:
    narrow = Noting()
    wide = Noting(lambda: session.run({}, ["out"]))  # another call comes while this one is computed
    session = WhereIdle(narrow, wide, 2, lambda: 8)
    session.run({}, ["out"])
    assert (narrow.calls, wide.calls) == (1, 1)
    session.run({}, ["out"])
    assert wide.calls == 2


def test_a_call_that_fails_is_over() -> None:
    def fail() -> None:
        raise RuntimeError

    wide = Noting(fail)
    session = WhereIdle(Noting(), wide, 2, lambda: 8)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            session.run({}, ["out"])
    assert wide.calls == 2
