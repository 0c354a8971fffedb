"""`connect` says where this backend is not told of what annotators save."""

from __future__ import annotations

import pytest

from label_studio.ml_backends import Backend
from serve_app.cli.connect.command import add_backend
from serve_app.cli.connect.webhook import webhook_warning
from testing.canary import CANARY
from tests.serve_app.cli.fake_label_studio import FakeLabelStudio, Json

BACKEND = Backend("http://10.0.0.5:9090/sam")
BOTH = ["ANNOTATION_CREATED", "ANNOTATION_UPDATED"]


def warning(fake: FakeLabelStudio, backend: Backend = BACKEND, **hook: Json) -> str:
    add_backend(fake.studio(), 1, backend)
    fake.webhooks[0].update(hook)
    fake.changes.clear()
    said = webhook_warning(fake.studio(), 1, backend)
    assert fake.changes == []
    return said


def test_the_webhook_that_is_made_tells_all(fake: FakeLabelStudio) -> None:
    assert warning(fake) == ""
    assert warning(fake, send_for_all_actions=False, actions=[*BOTH, "TASKS_CREATED"]) == ""


@pytest.mark.parametrize(
    "hook",
    [
        {"is_active": False},
        {"send_payload": False},
        {"send_for_all_actions": False, "actions": BOTH[:1]},
        {"url": "http://elsewhere/webhook"},
    ],
)
def test_one_that_tells_less_is_said_and_left_alone(fake: FakeLabelStudio, hook: Json) -> None:
    said = warning(fake, **hook)
    assert said.startswith(f"the project's webhook to {BACKEND.url}/webhook is off, or is not for all events")
    assert "`review` finds them" in said


def test_a_backend_with_a_password_is_told_nothing_unless_the_webhook_brings_it(
    fake: FakeLabelStudio,
) -> None:
    locked = Backend(BACKEND.url, "ray", CANARY)
    assert warning(fake, locked).startswith("Label Studio's webhooks bring no password, so /diagnose cannot")
    assert warning(fake, locked, headers={"Authorization": "Basic x"}) == ""
