from __future__ import annotations

import pytest

from values.one_line import SENTENCE_LIMIT, one_line, sentence, shown


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("as it is, größe", "as it is, größe"),
        ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u2028b\u202ec", "a\\u2028b\\u202ec"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_odd_characters_are_escaped(text: str, line: str) -> None:
    assert one_line(text, 50) == line


@pytest.mark.parametrize("text", ["x" * 11, "x" * 10**6, "\n" * 10])
def test_long_text_is_cut_and_tells_so(text: str) -> None:
    shown = one_line(text, 10)
    assert (len(shown), shown[-1]) == (10, "…")
    assert one_line("x" * 10, 10) == "x" * 10


def test_a_name_is_shown_by_its_beginning() -> None:
    assert shown("n" * 64) == "n" * 64
    assert shown("n" * 65) == "n" * 63 + "…"
    assert shown("a\r\nb") == "a\\r\\nb"


@pytest.mark.parametrize("quoted", ["x" * 10**6, "\n" * SENTENCE_LIMIT, "\n" * (SENTENCE_LIMIT // 2)])
def test_a_sentence_keeps_what_it_is_about_and_its_remedy(quoted: str) -> None:
    said = sentence(f"task 7: {quoted}; import it again")
    assert said.startswith("task 7: ")
    assert said.endswith("; import it again")
    assert "…" in said
    assert len(said) == SENTENCE_LIMIT
    assert sentence("two\nlines") == "two\\nlines"
