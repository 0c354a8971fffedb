from __future__ import annotations

import pytest

from net.addresses import ForbiddenUrl, parse_url
from net.answer import Answer, target_of, without_query

URL = parse_url("http://host:8080/studio/api?x=1")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://other/a?secret=1", "https://other/a"),
        ("/login/", "http://host:8080/login/"),
        ("more", "http://host:8080/studio/more"),
        ("//other:81/b", "http://other:81/b"),
    ],
)
def test_where_an_answer_redirects_to(location: str, target: str) -> None:
    found = target_of(Answer(307, {"location": location}, b""), URL)
    assert found is not None
    assert without_query(found) == target


@pytest.mark.parametrize("answer", [Answer(200, {"location": "/a"}, b""), Answer(302, {}, b"")])
def test_an_answer_that_does_not(answer: Answer) -> None:
    assert target_of(answer, URL) is None


def test_a_place_that_no_url_should_lead_to() -> None:
    with pytest.raises(ForbiddenUrl):
        target_of(Answer(302, {"location": "file:///etc/passwd"}, b""), URL)
