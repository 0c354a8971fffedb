"""Whose turn it is on a busy core."""

import os
import sys
import threading

import pytest

from deployments.compute_threads import DECODING, ENCODING, behind_loops


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness of their own")
def test_what_computes_comes_after_the_event_loop_with_all_it_starts() -> None:
    own = niceness()
    started: list[int] = []

    def compute() -> int:
        thread = threading.Thread(target=lambda: started.append(niceness()))
        thread.start()
        thread.join()
        return niceness()

    with behind_loops(1, "decode", DECODING) as threads:
        assert threads.submit(compute).result() == started[0] == min(19, own + DECODING)
    assert niceness() == own


def test_clicks_come_before_images() -> None:
    assert 0 < DECODING < ENCODING
