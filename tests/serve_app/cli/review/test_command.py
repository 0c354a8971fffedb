"""The command `review` before a Label Studio on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from protocol import config_template
from protocol.unaccepted import REMEDY
from serve_app.cli.main import app
from serve_app.cli.review import findings
from testing.annotated import annotation, brush, region
from testing.canary import CANARY
from tests.serve_app.cli.fake_label_studio import LEGACY, FakeLabelStudio
from tests.serve_app.cli.precompute.bench import VARIABLES

Json = Any
SAID = '1 click for "Cat" was saved without a mask'


def click(label: str = "Cat") -> Json:
    """A click of the smart tool, as it is stored."""
    return region("keypoint", {"x": 1, "y": 1, "width": 1}, label, from_name="point", is_positive=True)


class Desk:
    """The command, and a Label Studio with a project."""

    def __init__(self, studio: FakeLabelStudio, url: str) -> None:
        self.studio = studio
        self.url = url

    def add(self, *annotations: Json) -> None:
        """A task with these annotations."""
        number = len(self.studio.tasks) + 1
        self.studio.tasks.append({"id": number, "data": {"image": "x"}, "annotations": list(annotations)})

    def run(self, *arguments: str, project: int = 1, token: str = LEGACY) -> Result:
        command = ["review", "--project", str(project), "--label-studio-url", self.url, "--token", token]
        result = CliRunner().invoke(app, [*command, *arguments], env=dict.fromkeys(VARIABLES))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert CANARY not in result.output
        assert not self.studio.changes
        return result

    def told(self, *arguments: str) -> Json:
        """The JSON object of a run, with its exit status."""
        result = self.run("--json", *arguments)
        return json.loads(result.stdout) | {"exit": result.exit_code}


@pytest.fixture
def desk(fake: FakeLabelStudio) -> Iterator[Desk]:
    fake.add_project("Animals", config_template.build(["Cat", "Dog"]))
    with fake.serve() as url:
        yield Desk(fake, url)


def test_what_a_person_is_told(desk: Desk) -> None:
    desk.add(annotation(brush().region))
    desk.add(annotation(click(), number=2), annotation(brush().region, number=3))
    desk.add(annotation(brush().region, click(), number=4))
    result = desk.run()
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{desk.url}/projects/1/data?task=2 annotation 2: {SAID}",
        f'{desk.url}/projects/1/data?task=3 annotation 4: 1 click for "Cat" was saved beside masks of that '
        "label: whether one is missing is not known",
        "4 annotations of 3 tasks: 1 times a mask is missing, 1 times it is not known",
        f"to mend one: {REMEDY}",
    ]
    assert "3 of 3 tasks" in result.stderr


def test_what_a_program_is_told(desk: Desk) -> None:
    desk.add(annotation(click()))
    told = desk.told()
    link = f"{desk.url}/projects/1/data?task=1"
    found = {"check": "saved-without-mask", "task": 1, "annotation": 1, "said": SAID, "certain": True}
    assert told == {
        "ok": False,
        "exit": 1,
        "project": 1,
        "tasks": 1,
        "annotations": 1,
        "unread": 0,
        "certain": 1,
        "uncertain": 0,
        "findings": [found | {"link": link}],
        "untold": 0,
        "stopped": None,
        "interrupted": False,
    }


def test_where_nothing_is_wrong_for_sure_it_ends_well(desk: Desk) -> None:
    desk.add(annotation(brush().region))
    desk.add()
    desk.add(annotation(click(), was_cancelled=True))
    desk.add(annotation(region("rectangle", {"x": 1}, "Dog")))
    told = desk.told()
    assert (told["exit"], told["ok"], told["certain"], told["uncertain"]) == (0, True, 0, 1)
    assert (told["tasks"], desk.studio.opened) == (3, [1, 3, 4])


def test_what_cannot_be_read_is_counted_and_the_rest_goes_on(desk: Desk) -> None:
    desk.add(annotation(click()) | {"result": [{"no": "type"}]}, annotation(click(), number=2))
    result = desk.run()
    assert result.exit_code == 1
    assert "an annotation of task 1: " in result.stderr
    assert "1 times a mask is missing, 0 times it is not known, 1 could not be read" in result.stdout
    desk.studio.tasks[0]["annotations"].pop()
    assert desk.told()["exit"] == 1


def test_a_task_that_is_deleted_meanwhile(desk: Desk) -> None:
    desk.add(annotation(click()))
    desk.add(annotation(click(), number=2))
    desk.studio.refuse["GET /api/tasks/1/annotations/"] = httpx.Response(404)
    assert [each["task"] for each in desk.told()["findings"]] == [2]


def test_label_studio_that_stops_answering(desk: Desk) -> None:
    desk.add(annotation(click()))
    desk.add(annotation(click(), number=2))
    desk.studio.refuse["GET /api/tasks/2/annotations/"] = httpx.Response(403)
    told = desk.told()
    assert (told["exit"], told["certain"]) == (1, 1)
    assert "Label Studio answered 403" in told["stopped"]
    assert "review: Label Studio answered 403" in desk.run().stderr


def test_a_project_that_is_not_there_and_a_token_without_rights(desk: Desk) -> None:
    gone = desk.run(project=9)
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert gone.stderr == "review: Label Studio has no project 9 that this token may see\n"
    assert "401" in desk.run(token="other").stderr
    assert desk.run(token="").exit_code == 2


def test_something_that_lists_no_annotations(desk: Desk) -> None:
    desk.add(annotation(click()))
    desk.studio.tasks[0]["annotations"] = {"not": "a list"}
    assert "does not show annotations as Label Studio does" in str(desk.told()["stopped"])


def test_ctrl_c_tells_what_was_found_so_far(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 4):
        desk.add(annotation(click(), number=number))
    add = findings.Review.add

    def interrupted(self: findings.Review, found: findings.Finding) -> None:
        add(self, found)
        if found.task == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(findings.Review, "add", interrupted)
    told = desk.told()
    assert (told["exit"], told["interrupted"], told["certain"]) == (130, True, 2)


def test_memory_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MOST", 2)
    for number in range(1, 6):
        desk.add(annotation(click(), number=number))
    told = desk.told()
    assert (len(told["findings"]), told["untold"], told["certain"]) == (2, 3, 5)
    assert "and 3 more, which are not listed" in desk.run().stdout
