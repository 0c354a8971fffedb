"""Annotations without their mask are kept until the mask is there, and bounded."""

from __future__ import annotations

import pickle

import pytest

from deployments.saved_without_mask import ENTRIES, PROJECTS, SavedAnnotations, SavedWithoutMask
from values.one_line import SENTENCE_LIMIT


def found(annotation: int, project: str = "3", said: str = "why") -> SavedWithoutMask:
    return SavedWithoutMask(project, 7, annotation, said, certain=True)


def test_an_annotation_is_kept_until_it_has_its_mask_or_is_gone() -> None:
    kept = SavedAnnotations()
    for number in (1, 2, 3):
        kept.saved("3", [number], found(number))
    kept.saved("3", [1], found(1, said="newer"))
    assert [(each.annotation, each.said) for each in kept.of("3")["3"]] == [
        (1, "newer"),
        (3, "why"),
        (2, "why"),
    ]
    kept.saved("3", [3], None)
    kept.saved("3", [9, 2], None)
    assert [each.annotation for each in kept.of(None)["3"]] == [1]
    kept.saved("3", [1], None)
    assert kept.of(None) == {}


def test_one_project_or_all() -> None:
    kept = SavedAnnotations()
    kept.saved("3", [1], found(1))
    kept.saved("4", [1], found(1, "4"))
    assert (set(kept.of(None)), set(kept.of("4")), kept.of("5")) == ({"3", "4"}, {"4"}, {})


@pytest.mark.slow
def test_what_is_kept_is_bounded_and_fits_one_message() -> None:
    kept = SavedAnnotations()
    for project in range(PROJECTS + 1):
        for number in range(ENTRIES + 5):
            kept.saved(str(project), [number], found(number, str(project), "ä" * 10_000))
    told = kept.of(None)
    assert "0" not in told
    [*_, newest] = told.values()
    assert [each.annotation for each in newest] == list(reversed(range(5, ENTRIES + 5)))
    assert len(newest[0].said) == SENTENCE_LIMIT
    assert 2**18 < len(pickle.dumps(told)) < 2**21


def test_what_is_no_project_is_not_kept() -> None:
    kept = SavedAnnotations()
    kept.saved("p" * 1000, [1], found(1, "p" * 1000))
    assert kept.of(None) == {}
