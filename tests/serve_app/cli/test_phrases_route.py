"""The /phrases route of a backend on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tenacity import wait_none

from label_studio.ml_backends import Backend
from serve_app.cli import backend_client
from serve_app.cli.common_options import CommandError
from serve_app.cli.phrases_route import PhrasesRoute
from tests.serve_app.cli.fake_backend import FakeBackend
from tests.serve_app.cli.loopback import Reply, serving


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend("/finds")


@pytest.fixture
def route(backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> Iterator[PhrasesRoute]:
    monkeypatch.setattr(backend_client, "BACK_OFF", wait_none())
    backend.finder = "owlv2-1"
    with backend.serve() as url, PhrasesRoute(Backend(url, "", "")) as made:
        yield made


def test_phrases_become_vectors(backend: FakeBackend, route: PhrasesRoute) -> None:
    backend.meanings["dog"] = (0.6000000238418579, 0.8)
    finder, vectors = route.read(("cat", "dog"))
    assert finder == "owlv2-1"
    assert vectors.dtype == "float32"
    assert vectors.tolist() == [[1, 0], [0.6000000238418579, pytest.approx(0.8)]]


def test_a_backend_of_an_older_version_has_no_such_route(backend: FakeBackend, route: PhrasesRoute) -> None:
    backend.reads_phrases = False
    with pytest.raises(CommandError, match="has no /phrases: it is another application or an older version"):
        route.read(["cat"])


def test_a_phrase_that_is_refused_and_a_backend_that_refuses_all(
    backend: FakeBackend, route: PhrasesRoute
) -> None:
    with pytest.raises(CommandError, match=r"^the phrase 'a a.*' has too many tokens$"):
        route.read(["a " * 15])
    backend.finder = "none"
    with pytest.raises(CommandError, match=r"^http://.*/finds reads no phrases: no detector reads phrases"):
        route.read(["cat"])


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"finder": "a", "vectors": 3}',
        b'{"finder": 1, "vectors": [[1]]}',
        b'{"finder": "a", "vectors": []}',
        b'{"finder": "a", "vectors": [[1], [1]]}',
        b'{"finder": "a", "vectors": [["1"]]}',
        b'{"finder": "a", "vectors": [[1e300]]}',
        b'{"finder": "a", "vectors": [[NaN]]}',
    ],
)
def test_an_answer_that_is_none_is_told(answer: bytes) -> None:
    def replies(*_: Any) -> Reply:
        return 200, answer, {}

    refused = pytest.raises(CommandError, match="does not answer /phrases as this application does")
    with serving(replies) as url, PhrasesRoute(Backend(url, "", "")) as route, refused:
        route.read(["cat"])


def test_rows_of_different_lengths_are_no_vectors(backend: FakeBackend, route: PhrasesRoute) -> None:
    backend.meanings["dog"] = (1, 0, 0)
    with pytest.raises(CommandError, match="does not answer /phrases as this application does"):
        route.read(["cat", "dog"])


def test_a_backend_that_starts_is_asked_again_and_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_client, "BACK_OFF", wait_none())
    asked: list[str] = []

    def replies(method: str, target: str, *_: Any) -> Reply:
        asked.append(target)
        return 503, json.dumps({"error": "overloaded", "detail": "too much is waiting"}).encode(), {}

    refused = pytest.raises(CommandError, match="too much is waiting")
    with serving(replies) as url, PhrasesRoute(Backend(url, "", "")) as route, refused:
        route.read(["cat"])
    assert asked == ["/phrases"] * backend_client.ATTEMPTS
