from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from serve_app.cli.serve.apart import SIGNALS
from serve_app.cli.serve.stopping import Stopping, wait_for_a_signal


@pytest.fixture
def stopping() -> Iterator[Stopping]:
    before = {each: signal.getsignal(each) for each in SIGNALS}
    made = Stopping()
    made.take_signals()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_the_first_signal_interrupts_and_those_that_follow_do_not(
    stopping: Stopping, number: signal.Signals
) -> None:
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the signal may come at once
        threading.Timer(0.01, os.kill, (os.getpid(), number)).start()
        wait_for_a_signal()
    assert stopping.asked
    for each in (signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), each)  # would raise here
