"""How many have to go is known for any number of embeddings, by name or by the time of writing."""

from __future__ import annotations

from embeddings.ages import PARTS, SHORTEST_S, Ages, Kept, Window

WINDOW = Window(0.0, 1000.0 * PARTS)


def kept(*written: float) -> list[Kept]:
    """Embeddings of ten bytes."""
    return [Kept(at, f"{number}", 10) for number, at in enumerate(written)]


def test_few_are_known_by_name() -> None:
    ages = Ages(WINDOW, limit=2)
    ages.see(kept(30, 10, 20))
    assert (ages.nbytes, ages.over(30)) == (30, ([], True))
    assert ages.over(15) == (["1", "2"], True)
    assert ages.over(9) == (["1", "2"], False)


def test_where_the_limit_falls_is_the_next_window() -> None:
    ages = Ages(WINDOW, limit=1)
    ages.see(kept(1, 2, 1500, 2500, 2600, 9000))
    assert ages.narrowed(50) == Window(0, 1000)
    assert ages.narrowed(40) == Window(0, 1000)
    assert ages.narrowed(31) == Window(1000, 2000)
    assert ages.narrowed(20) == Window(2000, 3000)
    assert ages.narrowed(0) == Window(9000, 10_000)


def test_it_gets_no_shorter_than_stores_tell_the_time() -> None:
    ages = Ages(Window(0.0, 1000.0), limit=1)
    ages.see(kept(500.0, 500.0))
    shorter = ages.narrowed(5)
    assert shorter is not None
    assert shorter.end - shorter.start == SHORTEST_S
    again = Ages(shorter, limit=1)
    again.see(kept(500.0, 500.0))
    assert again.narrowed(5) is None
    assert again.over(5) == (["1"], False)


def test_what_was_written_after_the_window_is_counted_and_comes_last() -> None:
    ages = Ages(WINDOW, limit=1)
    later = WINDOW.end + 77
    ages.see(kept(5, later, later + 1))
    assert ages.narrowed(20) == Window(0, 1000)
    assert ages.narrowed(0) == Window(WINDOW.end, later + 1 + SHORTEST_S)
