from __future__ import annotations

import json
from typing import Any

import pytest

from label_studio.api import Address, LabelStudioError, Refused, checked, read_json, unauthorized
from label_studio.tokens import Token
from net.answer import Answer
from testing.canary import CANARY
from values.errors import ImageUnauthorized

AT = Address("http://studio.example/prefix", "LABEL_STUDIO_URL")
TOKEN = Token(CANARY, AT, "in LABEL_STUDIO_API_KEY")


def _refusal(status: int, said: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        checked(Answer(status, {}, json.dumps(said).encode()), "POST /api/ml", AT, TOKEN, "project 3")
    return caught.value


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"detail": "You <b>may</b>\n not."}, "You may not."),
        ({"validation_errors": {"non_field_errors": ["no"], "url": ["bad", "worse"]}}, "no url: bad worse"),
        (["a list"], "a list"),
        ({}, ""),
        ({"detail": "x" * 999}, "x" * 600),
    ],
)
def test_a_refusal_says_why_on_one_line_without_markup(said: Any, reason: str) -> None:
    refused = _refusal(400, said)
    assert (refused.answered, refused.reason) == (400, reason)
    assert str(refused) == f"Label Studio refused POST /api/ml: HTTP 400 {reason}".rstrip()


@pytest.mark.parametrize(
    ("status", "reason", "private"),
    [
        (403, "URL resolves to a reserved network address (block: 127.0.0.0/8)", True),
        (500, "URL resolves to a reserved network address", False),
        (403, "You may not.", False),
    ],
)
def test_a_private_address_is_told_from_other_refusals(status: int, reason: str, private: bool) -> None:
    assert _refusal(status, {"detail": reason}).private_address is private


@pytest.mark.parametrize("status", [200, 201, 204])
def test_an_answer_is_its_body(status: int) -> None:
    assert checked(Answer(status, {}, b"{}"), "GET /api/tasks", AT, None, "project 3") == b"{}"


def test_a_refused_token_is_named_by_its_kind_and_never_shown() -> None:
    with pytest.raises(ImageUnauthorized) as caught:
        checked(Answer(401, {}, b""), "GET /api/tasks", AT, TOKEN, "project 3")
    assert caught.value.detail == (
        "Label Studio answered 401 to the legacy token in LABEL_STUDIO_API_KEY; legacy tokens are off unless "
        "an administrator enables them: use a personal access token of a user who may read project 3"
    )
    assert CANARY not in repr(TOKEN)
    assert "set LABEL_STUDIO_API_KEY to a token" in str(unauthorized("answered 401", None))


def test_a_redirect_to_no_usable_address_is_not_label_studio() -> None:
    with pytest.raises(
        LabelStudioError, match="does not answer as Label Studio does; check LABEL_STUDIO_URL"
    ):
        checked(Answer(302, {"location": "ftp://h/"}, b""), "GET /api/tasks", AT, TOKEN, "project 3")


def test_what_is_no_json() -> None:
    for body in (b"<html>", b"", b"\xff"):
        with pytest.raises(LabelStudioError, match="does not answer as Label Studio does"):
            read_json(body, AT)
