from __future__ import annotations

from deployments.bounded_cache import BoundedCache


def test_what_was_put_longest_ago_goes_first_by_number_and_by_bytes() -> None:
    kept = BoundedCache[str](3, 10, len)
    for name in "abc":
        kept.put(name, name * 3)
    kept.put("a", "a")
    kept.put("d", "d")
    assert kept.items() == [("c", "ccc"), ("a", "a"), ("d", "d")]
    kept.put("e", "e" * 9)
    assert kept.items() == [("d", "d"), ("e", "e" * 9)]
    kept.drop("d")
    kept.drop("nothing")
    kept.put("f", "f")
    assert (kept.get("e"), kept.get("f"), kept.get("d")) == ("e" * 9, "f", None)
    kept.put("g", "g" * 11)
    assert kept.items() == []
    kept.put("h", "h" * 10)
    assert kept.items() == [("h", "h" * 10)]
