"""What /webhook answers."""

from typing import Any

import pytest

from protocol.unaccepted import REMEDY
from testing.label_studio_requests import captured
from tests.deployments.ingress_door import Door

Json = Any
SAID = '1 click for "Object" was saved without a mask'


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


def submitted(**fields: Json) -> Json:
    """A click that was submitted without its mask, as Label Studio sent it."""
    body = captured("webhook_annotation_created")
    body["annotation"].update(fields)
    return body


async def kept(door: Door) -> list[Json]:
    await door.settle()
    report = (await door.client.get("/diagnose")).json()
    return list(report["saved_without_mask"].get("1", []))


async def test_a_click_that_is_submitted_without_its_mask_is_in_diagnose(door: Door) -> None:
    assert (await door.post("/webhook", submitted())).status_code == 201
    [told] = await kept(door)
    assert told.pop("at") > 1e9
    assert told == {
        "project": "1",
        "task": 4,
        "annotation": 1,
        "said": SAID,
        "certain": True,
        "remedy": REMEDY,
        "link": "http://127.0.0.1:8080/projects/1/data?task=4",
    }


async def test_it_is_told_until_the_mask_is_there(door: Door) -> None:
    await door.post("/webhook", submitted())
    mask: Json = {"id": "m", "type": "brushlabels", "from_name": "tag", "to_name": "image"}
    mask["value"] = {"format": "rle", "rle": [1, 2], "brushlabels": ["Object"]}
    await door.post("/webhook", submitted(result=[mask]) | {"action": "ANNOTATION_UPDATED"})
    assert await kept(door) == []


async def test_it_is_told_until_it_is_deleted(door: Door) -> None:
    await door.post("/webhook", submitted())
    await door.post("/webhook", captured("webhook_annotations_deleted"))
    assert await kept(door) == []


@pytest.mark.parametrize(
    "fields", [{"was_cancelled": True}, {"result": []}, {"result": None}, {"result": [{}]}, {"id": "x"}]
)
async def test_what_was_skipped_or_is_unlike_label_studio_s_is_taken_and_not_judged(
    door: Door, fields: Json
) -> None:
    assert (await door.post("/webhook", submitted(**fields))).status_code == 201
    assert await kept(door) == []


async def test_a_project_without_a_config_is_not_judged(door: Door) -> None:
    body = submitted()
    body["project"]["label_config"] = "<View"
    assert (await door.post("/webhook", body)).status_code == 201
    del body["project"]["label_config"]
    assert (await door.post("/webhook", body)).status_code == 201
    assert await kept(door) == []


async def test_without_label_studio_s_address_there_is_no_link() -> None:
    door = Door({"label_studio_url": None})
    await door.post("/webhook", submitted())
    assert [told["link"] for told in await kept(door)] == [None]


async def test_who_asks_from_elsewhere_is_told_no_task(door: Door) -> None:
    await door.post("/webhook", submitted())
    await door.settle()
    report = await door.client.get("/diagnose", headers={"x-client-address": "10.0.0.1"})
    assert "saved_without_mask" not in report.json()
