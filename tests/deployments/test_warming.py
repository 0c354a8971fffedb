"""Images that are encoded ahead."""

import asyncio

from deployments.ingress import AHEAD
from testing.label_studio_requests import predict_body
from tests.deployments.ingress_door import Door
from values.errors import ImageUnauthorized
from values.priority import Priority


async def test_opening_a_task_answers_nothing_and_warms_its_image(door: Door) -> None:
    response = await door.post("/predict", predict_body(context=None))
    assert (response.status_code, response.json()) == (200, {"results": [[]]})
    await door.settle()
    await door.post("/predict", predict_body())
    assert [key for key, _ in door.graph.warmed] == [key for key, _ in door.graph.clicks]
    assert door.graph.priorities == [Priority.OPENED]


REPEATED = (
    '<View><Repeater on="$pages"><Image name="p{{idx}}" value="$pages[{{idx}}].url"/></Repeater></View>'
)


async def test_images_of_a_repeater_are_warmed_and_stored(door: Door) -> None:
    pages = [{"url": f"/data/upload/1/{number}.png"} for number in range(3)]
    body = {**predict_body(context=None), "label_config": REPEATED}
    body["tasks"] = [{"id": 1, "data": {"pages": pages}}]
    await door.post("/predict", body)
    await door.settle()
    assert [source.value for _, source in door.graph.warmed] == [page["url"] for page in pages]
    assert len((await door.post("/embed", body)).json()["results"]) == 3


async def test_a_batch_warms_at_most_what_the_setting_says() -> None:
    door = Door(warm_images=3)
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [{**task, "id": n, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(250)]
    response = await door.post("/predict", body)
    await door.settle()
    assert response.json() == {"results": [[]] * 250}
    assert len(door.graph.warmed) == 3
    assert door.graph.priorities == [Priority.NEXT] * 3


async def test_few_images_that_nobody_waits_for_are_with_the_decoders_at_once() -> None:
    door = Door(warm_images=2 * AHEAD)
    door.graph.admission.clear()
    body = predict_body(context=None)
    [task] = body["tasks"]
    body["tasks"] = [
        {**task, "id": n, "data": {"image": f"/data/upload/1/{n}.png"}} for n in range(2, 2 + 2 * AHEAD)
    ]
    await door.post("/predict", body)
    await door.post("/predict", predict_body(context=None))
    while Priority.OPENED not in door.graph.priorities:
        await asyncio.sleep(0)
    assert door.graph.priorities.count(Priority.NEXT) == AHEAD // 2  # all are of one project
    door.graph.admission.set()
    await door.settle()
    assert door.graph.priorities.count(Priority.NEXT) == 2 * AHEAD


async def test_an_image_that_cannot_be_warmed_is_a_failure_of_its_task(door: Door) -> None:
    door.graph.error = ImageUnauthorized("Label Studio answered 401; set LABEL_STUDIO_API_KEY")
    response = await door.post("/predict", predict_body(context=None))
    await door.settle()
    assert response.status_code == 200
    [failure] = door.graph.failures
    assert (failure.route, failure.project, failure.task) == ("warm", "1", "1")
