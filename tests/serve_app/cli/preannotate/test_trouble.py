"""What goes wrong with single boxes, tasks and pictures, and with what the command talks to."""

from __future__ import annotations

import json

import httpx

from serve_app.cli import backend_client
from testing.annotated import LABEL_CONFIG, rectangle, region
from testing.canary import CANARY
from tests.serve_app.cli.fake_backend import refusal
from tests.serve_app.cli.preannotate.desk import VERSION, Desk

CAT = rectangle().region


def box(label: str | None = "Cat", name: str = "b", **value: float) -> object:
    """A small box."""
    return region("rectangle", {"x": 10, "y": 10, "width": 20, "height": 20, **value}, label, id=name)


def test_a_box_that_cannot_be_used_spoils_no_other(desk: Desk) -> None:
    task = desk.add(CAT, box(name="outside", x=150), box("Fish", "strange"), {"type": 3}, box(name="good"))
    told = desk.told()
    assert (told["exit"], told["masks"], told["boxes"], told["stored"]) == (1, 2, 4, 1)
    assert [(each["task"], each["region"], each["code"]) for each in told["failures"]] == [
        (task, "outside", "bad_prompt"),
        (task, "strange", "bad_prompt"),
    ]
    [prediction] = desk.stored()[task]
    assert len(prediction["result"]) == 2


def test_failures_are_told_as_lines(desk: Desk) -> None:
    desk.add(box("Fish", "strange"))
    result = desk.run()
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        'task 1: region strange has the label "Fish", which no control for masks of the labeling config has; '
        "add it to <BrushLabels> (bad_prompt)"
    )
    assert result.stdout.startswith("0 masks of 1 boxes, stored for 0 tasks; ")
    assert desk.stored() == {}


def test_a_picture_that_cannot_be_read_among_others(desk: Desk) -> None:
    for _ in range(5):
        desk.add(CAT)
    desk.backend.broken["/data/upload/1/3.jpg"] = (
        "image_corrupt",
        "cannot read the image of task 3: it is cut",
    )
    told = desk.told()
    assert (told["exit"], told["stored"], sorted(desk.stored())) == (1, 4, [1, 2, 4, 5])
    assert told["failures"] == [
        {
            "task": 3,
            "region": "",
            "code": "image_corrupt",
            "sentence": "cannot read the image of task 3: it is cut",
        }
    ]
    desk.backend.broken.clear()
    again = desk.told()
    assert (again["exit"], again["stored"], again["stored_before"]) == (0, 1, 4)


def test_a_task_without_its_image(desk: Desk) -> None:
    desk.add(CAT, data={"text": "no image"})
    told = desk.told()
    assert told["failures"][0]["code"] == "image_missing"
    assert 'which <Image name="image"> shows, is missing' in told["failures"][0]["sentence"]


def test_a_config_without_a_control_for_masks_ends_it_at_once(desk: Desk) -> None:
    desk.studio.projects[0]["label_config"] = '<View><Image name="image" value="$image"/></View>'
    desk.add(CAT)
    told = desk.told()
    assert (told["exit"], told["tasks"], desk.backend.bodies) == (1, 0, [])
    assert told["stopped"].startswith("the labeling config of project 1 has no control for masks; add <Brush")


def test_a_request_that_was_done_but_never_answered_is_not_done_twice(desk: Desk) -> None:
    task = desk.add(CAT)
    answered = iter([False])

    def break_off(stored: object) -> None:
        if not next(answered, True):
            raise ConnectionError

    desk.studio.stored = break_off
    told = desk.told()
    assert (told["exit"], told["stored"], len(desk.stored()[task])) == (0, 1, 1)


def test_label_studio_that_is_started_anew_is_waited_for(desk: Desk) -> None:
    for _ in range(3):
        desk.add(CAT)
    away = iter([True] * 4)

    def restart(body: object) -> None:
        if next(away, False):
            raise ConnectionError

    desk.studio.storing = restart
    told = desk.told("--at-once", "1")
    assert (told["exit"], told["stored"]) == (0, 3)
    assert {len(kept) for kept in desk.stored().values()} == {1}


def test_a_picture_in_a_label_studio_that_is_started_anew_is_read_again(desk: Desk) -> None:
    for _ in range(3):
        desk.add(CAT)
    lost, gone = "/data/upload/1/2.jpg", "/data/upload/1/3.jpg"
    desk.backend.broken = dict.fromkeys((lost, gone), ("image_unreachable", "no connection to that host"))
    away = iter([True] * 3)

    def restart(request: httpx.Request, path: str) -> httpx.Response:
        if path == "/api/projects/1/" and desk.backend.values()[-1:] == [lost]:
            if next(away, False):
                raise httpx.ConnectError("refused")
            desk.backend.broken.pop(lost, None)
        return answer(request, path)

    answer = desk.studio._answer
    desk.studio._answer = restart  # type: ignore[method-assign]
    told = desk.told("--at-once", "1")
    assert (told["stored"], list(desk.stored())) == (2, [1, 2])
    assert [(each["task"], each["code"]) for each in told["failures"]] == [(3, "image_unreachable")]
    assert desk.backend.values() == ["/data/upload/1/1.jpg", lost, lost, gone, gone]


def test_label_studio_that_stays_away_ends_it_with_the_report(desk: Desk) -> None:
    for _ in range(3):
        desk.add(CAT)

    def gone(body: object) -> None:
        if len(desk.stored()) == 1:
            raise ConnectionError

    desk.studio.storing = gone
    told = desk.told("--at-once", "1")
    assert (told["exit"], told["stored"]) == (1, 1)
    assert told["stopped"].startswith("cannot reach Label Studio at")


def test_a_prediction_that_label_studio_refuses_fails_its_task_alone(desk: Desk) -> None:
    first, second = desk.add(CAT), desk.add(CAT)

    def vanish(body: object) -> None:
        desk.studio.tasks = [each for each in desk.studio.tasks if each["id"] != first]

    desk.backend.arrived = lambda body: vanish(body) if body["tasks"][0]["id"] == first else None
    told = desk.told("--at-once", "1")
    assert (told["exit"], told["stored"], list(desk.stored())) == (1, 1, [second])
    [failure] = told["failures"]
    assert (failure["task"], failure["code"]) == (first, "refused")
    assert 'HTTP 400 task: Invalid pk "1" - object does not exist.' in failure["sentence"]


def test_a_token_that_may_not_write_ends_it(desk: Desk) -> None:
    desk.add(CAT)
    desk.studio.refuse["POST /api/predictions/"] = httpx.Response(403)
    told = desk.told()
    assert (told["exit"], "Label Studio answered 403 to the legacy token" in told["stopped"]) == (1, True)


def test_a_busy_backend_is_asked_again_and_one_that_stays_busy_fails_the_task(desk: Desk) -> None:
    desk.add(CAT)
    busy = refusal(503, "overloaded", "too much is waiting")
    desk.backend.replies += [busy] * 2
    assert desk.told()["exit"] == 0
    desk.add(CAT)
    desk.backend.replies += [busy] * backend_client.ATTEMPTS
    assert desk.told()["failures"][0]["code"] == "overloaded"


def test_a_backend_of_an_older_version(desk: Desk) -> None:
    desk.add(CAT)
    desk.backend.replies.append(refusal(404, "no_such_route", "POST /preannotate: Not Found"))
    assert "has no /preannotate: it is another application or an older version" in desk.told()["stopped"]


def test_something_else_that_answers(desk: Desk) -> None:
    desk.add(CAT)
    desk.backend.replies.append((200, b'{"results": []}', {}))
    assert desk.told()["failures"][0]["code"] == "bad_answer"


def test_options_that_do_not_go_together(desk: Desk) -> None:
    for options, words in (
        (("--delete",), "Give one of --boxes"),
        (("--everything",), "Give one of --boxes"),
        (("--points-per-side", "8"), "--points-per-side works only with --everything"),
        (("--model-version", "x"), "--model-version works only with --delete"),
        (("--find", "cat"), "Give one of --boxes"),
        (("--threshold", "0.3"), "--threshold works only with --find"),
        (("--like", "1:a"), "Give one of --boxes"),
        (("--not-like", "1:a"), "--not-like works only with --like"),
    ):
        result = desk.run(*options)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    result = desk.run("--overwrite", mode="--delete")
    assert "--overwrite works only where masks are made" in result.stderr
    result = desk.run("--find", "cat", "--model-version", "x", mode="--delete")
    assert "--model-version works only with --delete alone" in result.stderr


def test_a_label_studio_that_tells_no_model_versions_is_asked_for_them(desk: Desk) -> None:
    task = desk.add(CAT)
    desk.predict(task, VERSION, CAT)
    for number in range(60):
        desk.predict(task, f"another model {number:03}", CAT, number=number + 2)
    told = desk.told()
    assert (told["exit"], told["stored"], told["stored_before"]) == (0, 0, 1)
    assert len(desk.stored()[task]) == 1


def test_the_config_and_the_login_go_with_each_task(desk: Desk) -> None:
    desk.studio.projects[0] |= {"task_data_login": "reader", "task_data_password": CANARY}
    desk.backend.credentials = f"ray:{CANARY}"
    desk.add(CAT)
    assert desk.told("--basic-auth-user", "ray", "--basic-auth-pass", CANARY)["exit"] == 0
    [body] = desk.backend.bodies
    assert (body["label_config"], body["project"]) == (LABEL_CONFIG, "1")
    assert body["params"] == {"login": "reader", "password": CANARY}
    assert json.dumps(body["tasks"][0]["annotations"][0]["result"]) == json.dumps([CAT])


def test_a_grid_that_takes_longer_than_an_answer_may_is_gone_on_with(desk: Desk) -> None:
    desk.add()
    late = refusal(504, "deadline_exceeded", "5 of the grid's 16 points are done")
    desk.backend.replies.extend([late] * (2 * backend_client.ATTEMPTS + 1))
    told = desk.told(mode="--everything")
    assert (told["exit"], told["stored"]) == (0, 1)
    assert len(desk.backend.bodies) == 2 * backend_client.ATTEMPTS + 2


def test_boxes_that_take_longer_are_given_up(desk: Desk) -> None:
    desk.add(CAT)
    late = refusal(504, "deadline_exceeded", "not all 1 tasks were done")
    desk.backend.replies.extend([late] * backend_client.ATTEMPTS)
    assert [each["code"] for each in desk.told()["failures"]] == ["deadline_exceeded"]


def test_phrases_that_cannot_be_looked_for(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    for phrases, words in (
        ("", "Nothing says what to find"),
        (" ,;", "Nothing says what to find"),
        (",".join(f"thing {number}" for number in range(2000)), "is no list of things to find"),
        (",".join(f"a{number}" for number in range(65)), "65 phrases are asked for at once"),
    ):
        result = desk.run(phrases, mode="--find")
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    assert desk.backend.bodies == []


def test_a_backend_without_a_detector_ends_it_at_once(desk: Desk) -> None:
    desk.add()
    told = desk.told("cat", mode="--find")
    assert (told["exit"], told["tasks"], desk.backend.bodies) == (1, 0, [])
    assert "finds nothing: set FINDER there to owlv2_base" in told["stopped"]


def test_labels_that_name_nothing_end_it_at_once(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    desk.studio.projects[0]["label_config"] = (
        '<View><Image name="image" value="$image"/><Brush name="brush" toName="image"/></View>'
    )
    desk.add()
    told = desk.told(mode="--find-labels")
    assert (told["exit"], told["tasks"], desk.backend.bodies) == (1, 0, [])
    assert "has no labels for masks on the image" in told["stopped"]


def test_a_phrase_that_the_detector_cannot_read_ends_it_before_it_begins(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    desk.add()
    long = "very " * 15 + "long"
    for arguments in ((), ("--dry-run",)):
        told = desk.told(f"cat, {long}", *arguments, mode="--find")
        assert (told["exit"], told["tasks"]) == (1, 0)
        assert "has too many tokens" in told["stopped"]
    desk.studio.projects[0]["label_config"] = desk.studio.projects[0]["label_config"].replace(
        "<Label ", f'<Label predicted_values="{long}" ', 1
    )
    told = desk.told(mode="--find-labels")
    assert (told["exit"], told["tasks"], desk.backend.bodies) == (1, 0, [])
    assert "has too many tokens" in told["stopped"]


def test_labels_of_tags_that_each_task_repeats_are_not_known_ahead(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    desk.studio.projects[0]["label_config"] = (
        '<View><Repeater on="$pages" indexFlag="{{idx}}"><Image name="i{{idx}}" value="$pages[{{idx}}]"/>'
        '<BrushLabels name="b{{idx}}" toName="i{{idx}}"><Label value="Cat"/></BrushLabels></Repeater></View>'
    )
    desk.studio.tasks.append({"id": 1, "data": {"pages": ["/data/upload/1/1.jpg"]}, "annotations": []})
    assert desk.told(mode="--find-labels")["tasks"] == 1
    assert desk.backend.phrases == []


def test_a_picture_that_cannot_be_read_among_those_in_which_things_are_found(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    for _ in range(3):
        desk.add()
    desk.backend.broken["/data/upload/1/2.jpg"] = ("image_corrupt", "it is cut")
    told = desk.told("cat", mode="--find")
    assert (told["exit"], told["stored"], told["nothing_found"]) == (1, 2, 0)
    assert [(each["task"], each["code"]) for each in told["failures"]] == [(2, "image_corrupt")]


def test_a_detector_that_takes_longer_than_an_answer_may_is_asked_again(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    desk.add()
    late = refusal(504, "deadline_exceeded", "not all 1 tasks were done")
    desk.backend.replies.extend([late] * (backend_client.ATTEMPTS + 1))
    assert desk.told("cat", mode="--find")["stored"] == 1


def test_examples_that_cannot_be_used_end_it_at_once(desk: Desk) -> None:
    desk.backend.finder = "owlv2-1"
    task, empty = desk.add(CAT), desk.add()
    elsewhere = desk.add(CAT | {"to_name": "map"}, region("rectangle", {"x": "?"}, id="odd"))
    unlike = refusal(422, "bad_prompt", "the detector sees no object where the example is drawn")
    for name, words in (
        ("17:a", "project 1 has no task 17"),
        (f"{empty}:a", f"task {empty} has no annotated region"),
        (f"{elsewhere}:{CAT['id']}", "is on an image that the labeling config of project 1 does not have"),
        (f"{elsewhere}:odd", f"task {elsewhere}: region odd"),
        (f"{task}:a", f"the annotations of task 1 have no region a; they have {CAT['id']}"),
        (f"{task}:{CAT['id']}", "an example cannot be used: the detector sees no object"),
    ):
        desk.backend.replies.extend([unlike] * ("cannot be used" in words))
        told = desk.told(name, mode="--like")
        assert (told["exit"], told["tasks"], words in told["stopped"]) == (1, 0, True), told
    assert desk.stored() == {}


def test_names_of_examples_that_are_none(desk: Desk) -> None:
    for name in ("17", ":a", "0:a", "a:b", "1:", "1: "):
        result = desk.run(name, mode="--like")
        assert (result.exit_code, "name a task and one of its regions" in result.stderr) == (2, True)
    many = [word for number in range(17) for word in ("--like", f"1:{number}")][1:]
    assert "--like names over 16 regions" in desk.run(*many, mode="--like").stderr
