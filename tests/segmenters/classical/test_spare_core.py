"""Where parts of a click are computed; what they come to is in test_segmenter.py."""

from __future__ import annotations

import threading

import pytest

from segmenters.classical.spare_core import SpareCore


def test_a_click_that_is_alone_has_another_thread() -> None:
    with SpareCore(2).click() as begin:
        assert begin(threading.get_ident)() != threading.get_ident()


def test_on_a_single_core_it_has_its_own() -> None:
    with SpareCore(1).click() as begin:
        assert begin(threading.get_ident)() == threading.get_ident()


def test_of_two_clicks_each_has_its_own_until_one_is_answered() -> None:
    spare = SpareCore(2)
    with spare.click() as first:
        with spare.click() as second:
            assert {first(threading.get_ident)(), second(threading.get_ident)()} == {threading.get_ident()}
        assert first(threading.get_ident)() != threading.get_ident()


def test_a_click_goes_on_while_a_part_of_it_is_computed() -> None:
    goes_on = threading.Event()
    with SpareCore(2).click() as begin:
        part = begin(lambda: goes_on.wait(60))
        goes_on.set()
        assert part()


def test_what_a_part_raises_the_click_raises() -> None:
    def fails() -> None:
        raise MemoryError

    with SpareCore(2).click() as begin, pytest.raises(MemoryError):
        begin(fails)()
