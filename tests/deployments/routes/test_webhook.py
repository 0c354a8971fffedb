"""What /webhook answers."""

from typing import Any

import pytest

from tests.deployments.ingress_door import Door


@pytest.mark.parametrize(
    ("action", "status", "answer"),
    [
        ("ANNOTATION_CREATED", 201, {"result": None, "status": "ok"}),
        ("START_TRAINING", 201, {"result": None, "status": "ok"}),
        ("PROJECT_UPDATED", 200, {"status": "Unknown event"}),
    ],
)
async def test_webhooks(door: Door, action: str, status: int, answer: dict[str, Any]) -> None:
    response = await door.post("/webhook", {"action": action, "project": {"id": 3}})
    assert (response.status_code, response.json()) == (status, answer)
    assert (await door.post("/webhook", {"project": {"id": 3}})).status_code == 400
