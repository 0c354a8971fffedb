"""*Retrieve predictions*: the masks of boxes in one answer, and what does not fit into it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from tenacity import wait_none

from deployments import retrieval
from testing.annotated import LABEL_CONFIG, annotation, brush, ellipse, rectangle
from tests.deployments.ingress_door import Door
from tests.protocol.support import IMAGE, control, view
from tests.serve_app.cli.fake_label_studio import LEGACY, FakeLabelStudio
from values.errors import ImageMissing, Overloaded
from values.priority import Priority

CAT = rectangle().region
Json = Any


def task(number: int, *regions: Json, **fields: Json) -> Json:
    """A task as Label Studio sends it."""
    data = {"image": f"/data/upload/1/{number}.png"}
    annotations = [annotation(*regions)] if regions else []
    return {"id": number, "data": data, "annotations": annotations, "predictions": [], **fields}


def body(*tasks: Json, config: str = LABEL_CONFIG) -> Json:
    params = {"login": None, "password": None, "context": None}
    return {"tasks": tasks, "project": "3.17", "label_config": config, "params": params}


async def results(door: Door, *tasks: Json, **options: Json) -> list[Json]:
    answer = await door.post("/predict", body(*tasks, **options))
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["results"]
    return found


def said(door: Door) -> list[str]:
    """What /diagnose is told, the newest first."""
    return [each.said for each in door.graph.retrievals.of("3").get("3", [])]


async def test_each_task_with_boxes_is_answered_in_its_place(door: Door) -> None:
    first, none, both, skipped = await results(
        door,
        task(1, CAT),
        task(2),
        task(3, CAT, ellipse(id="e").region),
        task(4, annotations=[annotation(CAT, was_cancelled=True)]),
    )
    await door.settle()
    assert (none, skipped) == ([], [])
    assert [len(each["result"]) for each in (first, both)] == [1, 2]
    assert (first["model_version"], first["score"]) == ("classical-3", 0.5)
    assert first["result"][0]["value"]["brushlabels"] == ["Cat"]
    assert {priority for _, _, priority, _ in door.graph.annotated} == {Priority.NEXT}
    assert said(door) == ["2 of 4 tasks have boxes, 2 have masks in the answer"]
    assert {source.task for _, source in door.graph.warmed} == {1, 2, 3, 4}


async def test_a_task_that_is_opened_comes_before_the_next_ones(door: Door) -> None:
    [made] = await results(door, task(1, CAT))
    assert len(made["result"]) == 1
    assert [priority for _, _, priority, _ in door.graph.annotated] == [Priority.OPENED]
    await door.settle()
    assert said(door) == []


async def test_boxes_that_a_detector_predicted(door: Door) -> None:
    predicted = [{"id": 1, "model_version": "yolo", "result": [CAT]}]
    [made] = await results(door, task(1, predictions=predicted))
    assert len(made["result"]) == 1


@pytest.mark.parametrize(
    "given",
    [
        task(1, CAT, predictions=[{"id": 1, "model_version": "classical-3", "result": []}]),
        task(1, brush().region),
        task(1, {**CAT, "type": "keypointlabels"}),
    ],
    ids=["there are masks of this model", "it is a mask already", "a point"],
)
async def test_what_has_no_boxes_that_lack_masks_stores_nothing(door: Door, given: Json) -> None:
    assert await results(door, given) == [[]]
    assert door.graph.annotated == []


CONFIGS = {
    "only boxes": view(IMAGE, control("RectangleLabels", "box", "Cat")),
    "no control": view(IMAGE),
    "a repeater": view(f'<Repeater on="$a">{IMAGE}{control("BrushLabels", "brush", "Cat")}</Repeater>'),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
async def test_configs_for_which_label_studio_would_store_no_masks(door: Door, config: str) -> None:
    assert await results(door, task(1, CAT), config=config) == [[]]
    assert door.graph.annotated == []


async def test_it_may_be_turned_off() -> None:
    door = Door(retrieve="none")
    assert await results(door, task(1, CAT)) == [[]]
    assert door.graph.annotated == []


async def test_an_opened_task_that_is_asked_for_twice_at_once_is_answered_once(door: Door) -> None:
    door.graph.admission.clear()
    first = asyncio.create_task(results(door, task(1, CAT)))
    while not door.graph.annotated:
        await asyncio.sleep(0)
    assert await results(door, task(1, CAT)) == [[]]
    door.graph.admission.set()
    assert len((await first)[0]["result"]) == 1
    assert await results(door, task(1, CAT)) == [[]], "Label Studio is storing the first one"


async def test_a_picture_that_cannot_be_read_spoils_no_other(door: Door) -> None:
    door.graph.error = ImageMissing("there is no such file")
    assert await results(door, task(1, CAT), task(2)) == [[], []]
    await door.settle()
    [told] = said(door)
    assert told.startswith(
        "1 of 2 tasks have boxes, 0 have masks in the answer; without a mask: task 1: there"
    )
    assert [each.task for each in door.graph.failures if each.route == "/predict"] == ["1"]


async def test_what_is_busy_is_asked_again(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "BACK_OFF", wait_none())
    door.graph.error = Overloaded("too much waits")
    assert await results(door, task(1, CAT)) == [[]]
    assert len(door.graph.annotated) == retrieval.TRIES
    await door.settle()
    assert said(door)[0].endswith("without a mask: task 1: too much waits")


async def test_what_does_not_fit_into_the_time_is_left_where_there_is_no_token() -> None:
    door = Door(predict_timeout_s=0.4)
    door.graph.admission.clear()
    door.graph.held_tasks = {2, 3}
    first, *others = await results(door, task(1, CAT), task(2, CAT), task(3, CAT))
    assert len(first["result"]) == 1
    assert others == [[], []]
    await door.settle()
    assert said(door) == [
        "3 of 3 tasks have boxes, 1 have masks in the answer; 2 did not fit into it: retrieve predictions "
        "again, or set LABEL_STUDIO_API_KEY to have such tasks stored"
    ]
    door.graph.admission.set()
    again = await results(door, task(2, CAT), task(3, CAT))
    assert [len(each["result"]) for each in again] == [1, 1]


@pytest.fixture
def studio() -> FakeLabelStudio:
    """A Label Studio whose project 3 has the tasks 1 to 5, with a box each."""
    studio = FakeLabelStudio()
    for name in ("one", "two", "Cats"):
        studio.add_project(name, LABEL_CONFIG)
    studio.tasks = [task(number, CAT, project=3) for number in range(1, 6)]
    return studio


@contextmanager
def with_token(studio: FakeLabelStudio, **options: Any) -> Iterator[Door]:
    """An ingress that may store predictions in ``studio``."""
    with studio.serve() as url:
        images = {"label_studio_url": url, "label_studio_api_key": LEGACY}
        door = Door(images, prefetch_tasks=0, **options)
        yield door
        door.ingress.predictions.close()


async def test_the_rest_is_worked_off_and_stored_where_there_is_a_token(studio: FakeLabelStudio) -> None:
    with with_token(studio, predict_timeout_s=0.4) as door:
        door.graph.admission.clear()
        door.graph.held_tasks = {2, 3, 4}
        made = await results(door, *(task(number, CAT) for number in (1, 2, 3, 4)))
        assert [bool(each) for each in made] == [True, False, False, False]
        assert studio.predictions("classical-3") == {}
        busy = await results(door, task(3, CAT), task(1, CAT))
        assert busy == [[], []]
        door.graph.admission.set()
        await door.settle()
    stored = studio.predictions("classical-3")
    assert list(stored) == [2, 3, 4]
    assert {len(kept) for kept in stored.values()} == {1}
    assert stored[2][0]["result"][0]["value"]["brushlabels"] == ["Cat"]
    assert said(door)[0] == "3 of 3 tasks behind the answer are stored"
    assert said(door)[1].endswith("0 have masks in the answer; 2 are in work already, or were just done")
    assert said(door)[-1].endswith(
        "1 have masks in the answer; 3 did not fit into it: they are worked off behind it, and stored "
        "through Label Studio's API"
    )


async def test_an_answer_that_grows_too_long_is_closed(
    studio: FakeLabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "ANSWER_LENGTH", 1)
    monkeypatch.setattr(retrieval, "AT_ONCE", 1)
    with with_token(studio) as door:
        made = await results(door, *(task(number, CAT) for number in (1, 2, 3)))
        await door.settle()
    assert [bool(each) for each in made] == [True, False, False]
    assert list(studio.predictions("classical-3")) == [2, 3]


async def test_a_prediction_that_label_studio_does_not_take_spoils_no_other(studio: FakeLabelStudio) -> None:
    studio.refuse["GET /api/tasks/3/annotations/"] = httpx.Response(404, json={"detail": "Not found."})
    with with_token(studio, predict_timeout_s=0.2) as door:
        door.graph.admission.clear()
        await results(door, task(3, CAT), task(2, CAT))
        door.graph.admission.set()
        await door.settle()
    assert list(studio.predictions("classical-3")) == [2]
    assert said(door)[0].startswith(
        "1 of 2 tasks behind the answer are stored; without a mask: task 3: Label"
    )


async def test_a_request_can_store_nothing_but_what_label_studio_says_itself(studio: FakeLabelStudio) -> None:
    """Whoever reaches this service may send any request: its token must not write what they like."""
    forged = {**ellipse(id="forged").region, "to_name": "image"}
    studio.tasks[3]["project"] = 1
    studio.tasks[4]["annotations"] = []
    config = LABEL_CONFIG.replace('<Label value="Cat"/>', '<Label value="Cat" alias="Dog"/>')
    with with_token(studio, predict_timeout_s=0.2) as door:
        door.graph.admission.clear()
        tasks = [
            task(number, forged, forged | {"id": "more"}, data={"image": "http://a"}) for number in (2, 4, 5)
        ]
        await results(door, *tasks, task(99, forged), config=config)
        door.graph.admission.set()
        await door.settle()
    stored = {each["id"]: each.get("predictions", []) for each in studio.tasks}
    assert [number for number, kept in stored.items() if kept] == [2]
    [region] = stored[2][0]["result"]
    assert region["value"]["brushlabels"] == ["Cat"]
    assert door.graph.annotated[-1][1].image.value == "/data/upload/1/2.png"


async def test_a_label_studio_that_hangs_up_loses_nothing(studio: FakeLabelStudio) -> None:
    with with_token(studio) as door:
        door.graph.admission.clear()
        door.graph.held_tasks = {2}
        asking = asyncio.create_task(results(door, task(1, CAT), task(2, CAT)))
        while len(door.graph.annotated) < 2:
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        door.graph.admission.set()
        await door.settle()
    assert list(studio.predictions("classical-3")) == [1, 2]


async def test_only_so_many_requests_are_worked_off_behind(studio: FakeLabelStudio) -> None:
    with with_token(studio, predict_timeout_s=0.2) as door:
        door.graph.admission.clear()
        for number in (1, 2, 3):
            assert await results(door, task(number, CAT), task(9)) == [[], []]
        for _ in range(50):
            await asyncio.sleep(0)
        assert said(door)[0].endswith("others are being worked off; retrieve predictions again in a while")
        door.graph.admission.set()
        await door.settle()
    assert list(studio.predictions("classical-3")) == [1, 2]


async def test_diagnose_tells_it(door: Door) -> None:
    await results(door, task(1, CAT), task(2))
    await door.settle()
    told = (await door.client.get("/diagnose")).json()["retrieved_predictions"]
    assert [each["said"] for each in told["3"]] == ["1 of 2 tasks have boxes, 1 have masks in the answer"]


async def test_a_journal_that_is_gone_stops_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: object) -> None:
        raise Overloaded("it starts anew")

    monkeypatch.setitem(door.graph.journal.methods, "claim", gone)
    monkeypatch.setitem(door.graph.journal.methods, "hold", gone)
    [made] = await results(door, task(1, CAT))
    assert len(made["result"]) == 1


async def test_everything_in_the_pictures_of_chosen_tasks() -> None:
    door = Door(retrieve="everything")
    made = {"id": 1, "model_version": "classical-3", "result": []}
    found = await results(door, task(1), task(2, CAT), task(3, predictions=[made]))
    await door.settle()
    assert [len(each["result"]) if each else 0 for each in found] == [2, 2, 0]
    assert [(picture.image.task, priority) for picture, priority in door.graph.explored] == [
        (1, Priority.NEXT),
        (2, Priority.NEXT),
    ]
    assert said(door) == ["2 of 3 tasks have no masks of this model yet, 2 have masks in the answer"]


async def test_everything_goes_to_a_control_for_boxes_where_there_is_no_other() -> None:
    [made] = await results(Door(retrieve="everything"), task(1), config=CONFIGS["only boxes"])
    assert [each["type"] for each in made["result"]] == ["rectanglelabels"] * 2


async def test_an_editor_that_opens_a_task_waits_for_some_seconds_at_most(
    studio: FakeLabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "OPENED_S", 0.05)
    studio.tasks = [{**each, "annotations": []} for each in studio.tasks]
    with with_token(studio, retrieve="everything") as door:
        door.graph.admission.clear()
        assert await results(door, task(1)) == [[]]
        door.graph.admission.set()
        await door.settle()
        assert await results(door, task(2)) != [[]]
    [stored] = studio.predictions("classical-3")[1]
    assert [each["value"]["brushlabels"] for each in stored["result"]] == [["Dog"], ["Dog"]]
    assert list(studio.predictions("classical-3")) == [1]


async def test_a_task_that_has_masks_by_now_is_not_searched_again(studio: FakeLabelStudio) -> None:
    with with_token(studio, retrieve="everything", predict_timeout_s=0.2) as door:
        door.graph.admission.clear()
        await results(door, task(1), task(2))
        studio.tasks[0]["predictions"] = [{"id": 9, "task": 1, "model_version": "classical-3", "result": []}]
        door.graph.admission.set()
        await door.settle()
    assert [each["id"] for each in studio.predictions("classical-3")[1]] == [9]
    assert len(studio.predictions("classical-3")[2]) == 1


async def test_what_labels_name_in_the_pictures_of_chosen_tasks() -> None:
    door = Door(retrieve="find", finder="owlv2-1")
    by_clicks = {"id": 1, "model_version": "classical-3", "result": []}
    made = {"id": 2, "model_version": "owlv2-1+classical-3", "result": []}
    found = await results(
        door, task(1), task(2, CAT), task(3, predictions=[made]), task(4, predictions=[by_clicks])
    )
    await door.settle()
    assert [len(each["result"]) if each else 0 for each in found] == [3, 3, 0, 3]
    assert {each["model_version"] for each in found if each} == {"owlv2-1+classical-3"}
    finds = [find for _, find in door.graph.finds]
    assert [(find.image.task, len(find.regions)) for find in finds] == [(1, 0), (2, 1), (4, 0)]
    assert finds[0].phrases == ("Cat", "Dog", "Bird")
    assert set(door.graph.priorities) == {Priority.NEXT}
    assert said(door) == ["3 of 4 tasks have no masks of this model yet, 3 have masks in the answer"]


async def test_a_picture_with_nothing_that_labels_name_is_no_trouble() -> None:
    door = Door(retrieve="find", finder="owlv2-1")
    door.graph.found = 0
    assert await results(door, task(1), task(2)) == [[], []]
    await door.settle()
    assert said(door) == ["2 of 2 tasks have no masks of this model yet, 0 have masks in the answer"]


async def test_what_a_detector_does_not_find_in_time_is_stored_behind_the_answer(
    studio: FakeLabelStudio,
) -> None:
    studio.tasks[1]["annotations"] = []
    with with_token(studio, retrieve="find", finder="owlv2-1", predict_timeout_s=0.2) as door:
        door.graph.admission.clear()
        assert await results(door, task(1), task(2)) == [[], []]
        door.graph.admission.set()
        await door.settle()
    stored = studio.predictions("owlv2-1+classical-3")
    assert list(stored) == [1, 2]
    behind = {find.image.task: len(find.regions) for _, find in door.graph.finds}
    assert behind == {1: 1, 2: 0}, "as Label Studio says, not as the request did"


async def test_without_a_detector_it_says_what_to_set() -> None:
    door = Door(retrieve="find")
    assert await results(door, task(1)) == [[]]
    await door.settle()
    assert "set FINDER to owlv2_base" in said(door)[0]
