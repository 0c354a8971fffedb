"""Embeddings that are purged, by /forget."""

from testing.label_studio_requests import predict_body
from tests.deployments.ingress_door import Door
from values.errors import NotKept


async def test_forget_counts_what_there_was_and_leaves_the_rest(door: Door) -> None:
    body = predict_body(context=None)
    [task] = body["tasks"]
    tasks = [{**task, "id": n, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(1, 21)]
    await door.post("/embed", {**body, "tasks": tasks})
    refused = {**task, "id": 99, "data": {"image": "file:///etc/passwd"}}
    response = await door.post("/forget", {**body, "tasks": [*tasks[:12], refused]})
    assert (response.status_code, response.json()) == (200, {"forgotten": 12})
    assert len(door.graph.stored) == 8
    assert {"session_id": door.graph.forgetting[0]} in door.graph.decoder.chosen
    assert (await door.post("/forget", {**body, "tasks": tasks})).json() == {"forgotten": 8}
    assert (await door.post("/forget", {**body, "project": "2", "tasks": tasks})).json() == {"forgotten": 0}


async def test_forget_needs_tasks_and_not_too_many(door: Door) -> None:
    assert (await door.post("/forget", {"project": "1"})).status_code == 400
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(1001)]
    assert (await door.post("/forget", body)).status_code == 400
    assert door.graph.forgetting == []


async def test_what_may_still_be_there_is_not_said_to_be_forgotten(door: Door) -> None:
    door.graph.error = NotKept("an embedding cannot be removed from DURABLE")
    response = await door.post("/forget", predict_body(context=None))
    assert (response.status_code, response.json()["error"]) == (503, "not_kept")
