from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serve_app.lint.yaml import Finding, join, load


def test_documents_are_plain_values_with_keys_that_are_strings() -> None:
    documents, findings = load("on: 1\n2: two\nday: 2026-01-02\nset: !!set {a}\n---\n[1.5, null]\n")
    assert documents == [{"True": 1, "2": "two", "day": "2026-01-02", "set": ["a"]}, [1.5, None]]
    assert not findings


def test_a_key_given_twice_is_found_with_its_lines_at_any_depth() -> None:
    documents, findings = load("a:\n  - b: 1\n    c: 2\n    b: 3\n")
    assert documents == []
    assert findings == [Finding("a[0].b", "is given twice, on lines 2 and 4; keep one")]


def test_a_merged_anchor_may_be_overridden() -> None:
    documents, findings = load("x-common: &common {num_cpus: 1}\nmine: {<<: *common, num_cpus: 2}\n")
    assert documents[0]["mine"] == {"num_cpus": 2}
    assert not findings


def test_a_syntax_error_names_its_line() -> None:
    documents, [finding] = load("a: 1\nb: [1, 2\nc: 3\n")
    assert documents == []
    assert finding.sentence.startswith("line 3: this is not YAML")


def test_what_a_loader_cannot_hold_is_a_finding() -> None:
    for text in ("a: !python/object:os.system x", "2026-99-99: a", "a: &a [*a]", "a: *missing", "a: \x00"):
        documents, findings = load(text)
        assert documents == [], text
        assert len(findings) == 1, text


def test_deep_nesting_is_a_finding() -> None:
    assert load("[" * 1000) == ([], [Finding("", "this is nested too deeply")])


def test_paths_read_as_people_write_them() -> None:
    assert join(join(join("", "applications"), 0), "args") == "applications[0].args"


@given(st.text())
def test_no_text_raises(text: str) -> None:
    documents, findings = load(text)
    assert not (documents and findings)
