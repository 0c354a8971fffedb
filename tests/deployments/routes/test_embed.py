"""Images that are encoded for later, by /embed."""

import asyncio

import pytest

from deployments.ingress import AHEAD
from testing.label_studio_requests import predict_body
from tests.deployments.ingress_door import Door
from values.errors import BadRequest, ImageUnauthorized, NotKept, Overloaded


async def test_embed_says_of_each_image_what_became_of_it(door: Door) -> None:
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "id": n, "data": {"image": f"/data/upload/1/{n}.png"}} for n in (1, 2)]
    first = await door.post("/embed", body)
    assert first.json() == {"results": [{"task": n, "state": "encoded"} for n in (1, 2)]}
    body["tasks"].append({**task, "id": 3, "data": {"image": "/data/upload/1/3.png"}})
    again = await door.post("/embed", body)
    assert [each["state"] for each in again.json()["results"]] == ["stored", "stored", "encoded"]


async def test_a_detector_looks_at_the_images_where_that_is_asked_for(door: Door) -> None:
    body = predict_body(context=None)
    for path in ("/embed", "/embed?find=false", "/embed?find="):
        assert (await door.post(path, body)).status_code == 200
    assert not door.graph.seen
    assert (await door.post("/embed?find=true", body)).status_code == 200
    assert door.graph.seen == door.graph.stored


async def test_embed_refuses_more_images_than_it_would_answer_for(door: Door) -> None:
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(101)]
    assert (await door.post("/embed", body)).status_code == 400
    assert door.graph.stored == set()


async def test_embed_goes_on_after_an_image_that_cannot_be_read(door: Door) -> None:
    door.graph.error = ImageUnauthorized("Label Studio answered 401; set LABEL_STUDIO_API_KEY")
    response = await door.post("/embed", predict_body(context=None))
    await door.settle()
    [result] = response.json()["results"]
    assert (response.status_code, result["state"], result["error"]) == (200, "failed", "image_unauthorized")
    assert "LABEL_STUDIO_API_KEY" in result["detail"]
    [failure] = door.graph.failures
    assert (failure.route, failure.task) == ("/embed", "1")


@pytest.mark.parametrize(
    ("error", "status"),
    [(BadRequest("set DURABLE"), 400), (NotKept("DURABLE"), 503), (Overloaded("too much waits"), 503)],
)
async def test_embed_fails_as_a_whole_for_what_is_no_images_fault(
    door: Door, error: Exception, status: int
) -> None:
    door.graph.error = error
    assert (await door.post("/embed", predict_body(context=None))).status_code == status


async def test_of_a_project_only_so_many_images_are_stored_at_once(door: Door) -> None:
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(100)]
    door.graph.admission.clear()
    storing = asyncio.create_task(door.post("/embed", body))
    while door.graph.storing < AHEAD // 2:
        await asyncio.sleep(0)
    other = asyncio.create_task(door.post("/embed", {**predict_body(context=None), "project": "99.1"}))
    while door.graph.storing == AHEAD // 2:
        await asyncio.sleep(0)
    door.graph.admission.set()
    assert len((await storing).json()["results"]) == 100
    assert (await other).status_code == 200
    assert door.graph.most_storing == AHEAD // 2 + 1


async def test_embed_answers_in_time_whatever_the_encoders_do() -> None:
    door = Door(predict_timeout_s=0.05)
    door.graph.admission.clear()
    response = await door.post("/embed", predict_body(context=None))
    assert (response.status_code, response.json()["error"]) == (504, "deadline_exceeded")
    assert "send the request again" in response.json()["detail"]
