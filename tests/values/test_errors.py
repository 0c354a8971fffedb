"""The tree of errors: its picture, its statuses and its sentences."""

import pickle

import pytest

from values import errors
from values.errors import ServiceError, error_classes
from values.one_line import SENTENCE_LIMIT


@pytest.mark.parametrize("error", list(error_classes()), ids=lambda error: error.__name__)
def test_the_picture_shows_every_error_with_its_status_and_code(error: type[ServiceError]) -> None:
    assert errors.__doc__ is not None
    line = next(line for line in errors.__doc__.splitlines() if error.__name__ in line.split())
    assert str(error.status) in line.split()
    assert error.code in line.split()


def test_codes_are_unique() -> None:
    codes = [error.code for error in error_classes()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("error", list(error_classes()), ids=lambda error: error.__name__)
def test_an_error_crosses_processes_with_its_sentence(error: type[ServiceError]) -> None:
    arrived = pickle.loads(pickle.dumps(error("the thing, the place, the remedy")))
    assert type(arrived) is error
    assert arrived.detail == "the thing, the place, the remedy"


def test_a_sentence_is_short_and_on_one_line_whatever_a_client_named() -> None:
    assert ServiceError("a\nb\u2028c\u202e\x1b[31m").detail == "a\\nb\\u2028c\\u202e\\x1b[31m"
    assert len(ServiceError("x" * 10**6).detail) == SENTENCE_LIMIT
