from __future__ import annotations

import contextvars
from collections.abc import Callable

import pytest

from concurrency import detached as module
from concurrency.detached import detached, keep

KEPT: contextvars.ContextVar[str] = contextvars.ContextVar("kept", default="nothing")
LEFT: contextvars.ContextVar[str] = contextvars.ContextVar("left", default="nothing")


def keeper() -> Callable[[], object] | None:
    found = KEPT.get()
    return None if found == "nothing" else lambda: KEPT.set(found)


@pytest.fixture(autouse=True)
def _keepers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEEPERS", [])
    keep(keeper)
    keep(keeper)


def test_what_is_kept_is_in_the_new_context_and_nothing_else() -> None:
    def within() -> None:
        KEPT.set("a request")
        LEFT.set("its caller")
        made = detached()
        KEPT.set("another request")
        assert (made.run(KEPT.get), made.run(LEFT.get)) == ("a request", "nothing")
        assert len(made) == 1, "a keeper that is there is not added again"

    contextvars.Context().run(within)


def test_where_there_is_nothing_to_keep_the_context_is_empty() -> None:
    assert len(contextvars.Context().run(detached)) == 0
