from __future__ import annotations

import signal
import threading
from dataclasses import dataclass

import pytest

from serve_app.cli.interruptions import noted
from values.errors import ModelError


@dataclass
class Told:
    stopped: str | None = None
    interrupted: bool = False


@pytest.mark.parametrize(
    ("raised", "told"),
    [(KeyboardInterrupt(), Told(interrupted=True)), (ModelError("it is gone"), Told("it is gone"))],
    ids=["Ctrl-C", "a failure"],
)
def test_what_ends_it_is_noted(raised: BaseException, told: Told) -> None:
    report = Told()
    with noted(report):
        raise raised
    assert report == told  # type: ignore[unreachable]


def test_what_nobody_expects_is_raised() -> None:
    with pytest.raises(ValueError, match="odd"), noted(Told()):
        raise ValueError("odd")


def test_sigterm_is_as_ctrl_c_and_only_inside() -> None:
    before = signal.getsignal(signal.SIGTERM)
    report = Told()
    with noted(report):
        signal.raise_signal(signal.SIGTERM)
    assert report == Told(interrupted=True)
    assert signal.getsignal(signal.SIGTERM) == before


def test_another_thread_has_no_signals() -> None:
    report = Told()

    def work() -> None:
        with noted(report):
            raise ModelError("it is gone")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert report == Told("it is gone")
