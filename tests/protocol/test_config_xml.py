from __future__ import annotations

from protocol.config_xml import ConfigCache


def test_what_was_read_last_is_kept_by_its_characters() -> None:
    read: list[str] = []

    def noted(xml: str) -> int:
        read.append(xml)
        return len(xml)

    kept = ConfigCache(noted, characters=10)
    assert [kept.of(xml) for xml in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa")] == [4] * 5
    assert read == ["aaaa", "bbbb", "cccc"]
    kept.of("bbbb")
    assert read == ["aaaa", "bbbb", "cccc", "bbbb"]
    assert [kept.of("d" * 11), kept.of("d" * 11)] == [11, 11]
    assert read[-2:] == ["d" * 11] * 2
