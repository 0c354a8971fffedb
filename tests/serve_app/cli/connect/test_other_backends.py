from __future__ import annotations

import io
import sys

import pytest

from label_studio.ml_backends import Backend
from serve_app.cli.connect import command
from serve_app.cli.connect.other_backends import offer_to_remove, others_of
from tests.serve_app.cli.fake_label_studio import FakeLabelStudio

HERE, STALE, SECOND = "http://10.0.0.5:9090", "http://10.0.0.5:9099", "http://10.0.0.6:9090"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def three(fake: FakeLabelStudio) -> FakeLabelStudio:
    """A project with this backend, one that has gone and another one that answers."""
    command.add_backend(fake.studio(), 1, Backend(HERE))
    fake.backends += [
        {"id": 2, "url": f"{STALE}/", "title": "old", "state": "DI"},
        {"id": 3, "url": SECOND, "title": "other", "state": "CO"},
    ]
    fake.webhooks += [{"id": 7, "url": f"{STALE}/webhook"}, {"id": 8, "url": f"{SECOND}/webhook"}]
    fake.changes.clear()
    return fake


def test_a_stale_and_a_second_one_are_told_apart(three: FakeLabelStudio) -> None:
    assert [(each.url, each.reached) for each in others_of(three.studio(), 1, HERE)] == [
        (f"{STALE}/", False),
        (SECOND, True),
    ]


@pytest.mark.parametrize("remove", [None, False])
def test_without_a_yes_they_stay_and_are_said(
    three: FakeLabelStudio, remove: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    others = others_of(three.studio(), 1, HERE)
    said = offer_to_remove(three.studio(), 1, others, remove=remove)
    assert three.changes == []
    assert said[0] == (
        f"{STALE}/ ('old') is not reached: nothing answers there; Label Studio may ask it instead of this "
        "one; --remove-others removes it"
    )


def test_those_that_are_not_wanted_are_removed_with_their_webhooks(three: FakeLabelStudio) -> None:
    others = others_of(three.studio(), 1, HERE)
    said = offer_to_remove(three.studio(), 1, others, remove=True)
    assert [row["url"] for row in three.backends] == [HERE]
    assert [hook["url"] for hook in three.webhooks] == [f"{HERE}/webhook"]
    assert all(sentence.endswith(": removed from the project") for sentence in said)
    assert others_of(three.studio(), 1, HERE) == []


def test_at_a_terminal_each_is_asked_for(three: FakeLabelStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    others = others_of(three.studio(), 1, HERE)
    offer_to_remove(three.studio(), 1, others, remove=None, ask=lambda question: STALE in question)
    assert [row["url"] for row in three.backends] == [HERE, SECOND]
