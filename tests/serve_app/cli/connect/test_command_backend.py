from __future__ import annotations

import httpx
import pytest

from label_studio.api import Refused
from label_studio.ml_backends import Backend
from serve_app.cli.common_options import CommandError
from serve_app.cli.connect import command
from testing.canary import CANARY
from tests.serve_app.cli.fake_label_studio import FakeLabelStudio

BACKEND = Backend("http://10.0.0.5:9090/sam")


def test_a_backend_is_added_once(fake: FakeLabelStudio) -> None:
    assert command.add_backend(fake.studio(), 1, BACKEND) == "added"
    fake.changes.clear()
    assert command.add_backend(fake.studio(), 1, BACKEND) == "unchanged"
    assert fake.changes == []


@pytest.mark.parametrize(
    "row",
    [
        {"is_interactive": False},
        {"auth_method": "BASIC_AUTH"},
        {"state": "DI"},
    ],
)
def test_a_connection_that_is_not_as_asked_is_updated(fake: FakeLabelStudio, row: dict[str, object]) -> None:
    command.add_backend(fake.studio(), 1, BACKEND)
    fake.backends[0].update(row)
    assert command.add_backend(fake.studio(), 1, BACKEND) == "updated"
    assert command.add_backend(fake.studio(), 1, BACKEND) == "unchanged"


def test_a_webhook_that_was_refused_before_is_added(fake: FakeLabelStudio) -> None:
    command.add_backend(fake.studio(), 1, BACKEND)
    fake.webhooks.clear()
    assert command.add_backend(fake.studio(), 1, BACKEND) == "updated"
    assert [hook["url"] for hook in fake.webhooks] == [f"{BACKEND.url}/webhook"]


def test_a_changed_user_is_updated_and_the_password_is_not_shown(fake: FakeLabelStudio) -> None:
    command.add_backend(fake.studio(), 1, BACKEND)
    secured = Backend(BACKEND.url, "ray", CANARY)
    assert command.add_backend(fake.studio(), 1, secured) == "updated"
    assert command.add_backend(fake.studio(), 1, secured) == "unchanged"
    assert CANARY not in repr(secured)


_PRIVATE = {"detail": "URL resolves to a reserved network address (block: 127.0.0.0/8)"}


@pytest.mark.parametrize(
    ("route", "words"),
    [("POST /api/ml", "refuses the backend"), ("POST /api/webhooks/", "refuses its webhook")],
)
def test_a_refused_private_address_names_both_variables(
    fake: FakeLabelStudio, route: str, words: str
) -> None:
    if "webhooks" in route:
        command.add_backend(fake.studio(), 1, BACKEND)
        fake.webhooks.clear()
    fake.refuse[route] = httpx.Response(403, json=_PRIVATE)
    with pytest.raises(CommandError, match=words) as caught:
        command.add_backend(fake.studio(), 1, BACKEND)
    assert "ML_BLOCK_LOCAL_IP=false" in str(caught.value)
    assert "SSRF_PROTECTION_ENABLED=false" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "said", "passed_on"),
    [
        (400, "Wrong <a href='x'>password</a>,\n it seems", "Wrong password, it seems"),
        (400, "Can't connect. Make sure it is up. Additional info: refused", "refused"),
        (500, "Can't resolve hostname sam", "Can't resolve hostname sam"),
    ],
)
def test_what_label_studio_says_of_a_dead_backend_is_passed_on_without_markup(
    fake: FakeLabelStudio, status: int, said: str, passed_on: str
) -> None:
    body = {"validation_errors": {"non_field_errors": [said]}}
    fake.refuse["POST /api/ml"] = httpx.Response(status, json=body)
    with pytest.raises(CommandError, match=f"cannot use the backend.* Label Studio says: {passed_on}$"):
        command.add_backend(fake.studio(), 1, BACKEND)


def test_another_refusal_keeps_its_own_words(fake: FakeLabelStudio) -> None:
    fake.refuse["POST /api/ml"] = httpx.Response(403, json={"detail": "You may not."})
    with pytest.raises(Refused, match="HTTP 403 You may not"):
        command.add_backend(fake.studio(), 1, BACKEND)
