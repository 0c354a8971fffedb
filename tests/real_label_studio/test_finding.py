"""Searches of a whole project in the real Label Studio, with a detector whose answer is known."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image

from testing.applications import Applications
from testing.file_server import Exchange, Server
from testing.finding_application import finding_application
from testing.image_files import encoded
from testing.weights import colour_detector
from tests.real_label_studio.desk import Desk
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.spots import BOX, CONFIG, IN, PICTURES, Wanted, check, wanted_in

pytestmark = pytest.mark.label_studio

WAIT_S = 60


def test_searches_of_a_project_stand_beside_each_other(
    finds: str, label_studio: LabelStudioServer, tmp_path: Path
) -> None:
    """By words, by labels and by an example, with a picture among the others that cannot be read."""
    api, paths = label_studio.api, [tmp_path / f"{number}.png" for number in range(len(PICTURES))]
    for path, spots in zip(paths, PICTURES, strict=True):
        Image.fromarray(colour_detector.picture(spots)).save(path)
    broken = tmp_path / "broken.png"
    broken.write_bytes(paths[0].read_bytes()[:300])
    desk = Desk(label_studio, finds, api.create_project("searched", CONFIG))
    first, unreadable, *others = api.upload(desk.project, paths[0], broken, *paths[1:])
    tasks = [first, *others]
    api.call("POST", f"/api/tasks/{tasks[IN]}/annotations/", json={"result": [BOX]})
    before = desk.annotations(tasks)

    searches = {
        ("--find", "red, green"): {"red": "Berry", "green": "Spot"},
        ("--find-labels",): {"red": "Berry"},
        ("--like", f"{tasks[IN]}:drawn"): {"green": "Berry"},
    }
    versions: dict[tuple[str, ...], str] = {}
    for search, labels in searches.items():
        wanted = {task: found for number, task in enumerate(tasks) if (found := wanted_in(number, labels))}
        told, again = desk.told(*search), desk.told(*search)
        assert [(each["task"], each["code"]) for each in told["failures"]] == [(unreadable, "image_corrupt")]
        assert (told["stored"], told["nothing_found"]) == (len(wanted), len(tasks) - len(wanted))
        assert (again["stored"], again["stored_before"], again["masks"]) == (0, len(wanted), 0)
        there = {each["model_version"] for each in desk.predictions(first)}
        [versions[search]] = there - set(versions.values())
        for task in tasks:
            made = desk.predictions(task, versions[search])
            assert len(made) == (task in wanted)
            for each in made:
                check(each, wanted[task])
    of_words, of_labels, of_example = versions.values()
    assert re.fullmatch(r"owlv2_base-[0-9a-f]{8}\+classical-3", of_labels)
    assert (of_words, of_example) == (f"{of_labels}-red-green", f"{of_labels}-like_{tasks[IN]}_drawn")

    left = set(versions.values())
    for search, version in versions.items():
        deleted = desk.told("--delete", *search)
        assert (deleted["exit"], deleted["model_version"]) == (0, version)
        left.remove(version)
        assert {each["model_version"] for task in tasks for each in desk.predictions(task)} == left
    assert desk.annotations(tasks) == before


@dataclass(frozen=True)
class Chosen:
    """Tasks that somebody chooses in the Data Manager. ``wanted``: what each of them is to have in the end,
    where the pictures of the last ``slow`` come once ``gate`` is open. ``version``: of what is stored."""

    desk: Desk
    wanted: dict[int, Wanted]
    version: str
    slow: int
    gate: threading.Event

    def retrieve(self) -> str:
        """Press the button; what /diagnose then says of it."""
        self.desk.retrieve(self.wanted)
        return self.desk.retrieved()[0]

    def counts(self) -> list[int]:
        """How many predictions of the version each task has."""
        return [len(self.desk.predictions(task, self.version)) for task in self.wanted]

    def check(self) -> None:
        """Each task has one prediction of the version, which has what is in its picture, and no other."""
        for task, wanted in self.wanted.items():
            [made] = self.desk.predictions(task)
            assert made["model_version"] == self.version
            check(made, wanted)


@contextmanager
def chosen(studio: LabelStudioServer, url: str) -> Iterator[Chosen]:
    """Tasks of a project that the application at ``url`` is connected to, whose pictures are elsewhere."""
    contents = [encoded(Image.fromarray(colour_detector.picture(spots))) for spots in PICTURES]
    places = ["quick/0", "quick/1", "slow/0", "slow/1", f"slow/{IN}"]
    gate = threading.Event()

    def send(exchange: Exchange) -> None:
        if "slow" in exchange.path:
            gate.wait(WAIT_S)
        exchange.say(200, contents[int(exchange.path[-1])], ETag='"1"')

    api = studio.api
    desk = Desk(studio, url, api.create_project("retrieved by labels", CONFIG))
    api.add_backend(desk.project, url)
    health = httpx.get(f"{url}/health", trust_env=False, timeout=30).json()
    with Server(send) as host:
        tasks = [{"data": {"image": f"{host.url}/{place}"}} for place in places]
        path = f"/api/projects/{desk.project}/import?return_task_ids=true"
        numbers = api.call("POST", path, json=tasks)["task_ids"]
        wanted = [wanted_in(int(place[-1]), {"red": "Berry"}) for place in places]
        drawing = {"result": [BOX]}
        api.call("POST", f"/api/tasks/{numbers[-1]}/annotations/", json=drawing)
        version = f"{health['finder']}+{health['model_version']}"
        try:
            yield Chosen(desk, dict(zip(numbers, wanted, strict=True)), version, 3, gate)
        finally:
            gate.set()


def test_what_does_not_fit_into_the_answer_is_stored_behind_it(
    finds: str, label_studio: LabelStudioServer
) -> None:
    with chosen(label_studio, finds) as given:
        before = given.desk.annotations(given.wanted)
        said = re.fullmatch(
            r"5 of 5 tasks have no masks of this model yet, (\d) have masks in the answer; (\d) did not fit "
            "into it: they are worked off behind it, and stored through Label Studio's API",
            given.retrieve(),
        )
        assert said
        done, left = map(int, said.groups())
        assert (done + left, left >= given.slow) == (5, True)
        assert given.counts()[-given.slow :] == [0] * given.slow
        given.gate.set()
        deadline = time.monotonic() + WAIT_S
        while "stored" not in (last := given.desk.retrieved()[0]) or "API" in last:
            assert time.monotonic() < deadline, last
            time.sleep(0.1)
        assert last == f"{left} of {left} tasks behind the answer are stored"
        given.check()
        given.retrieve()
        given.check()
        assert given.desk.annotations(given.wanted) == before


@pytest.mark.full
def test_without_a_token_the_rest_is_left_and_the_button_once_more_goes_on(
    applications: Applications, label_studio: LabelStudioServer, tmp_path: Path
) -> None:
    args = {
        "retrieve": "find",
        "image_hosts": "*",
        "predict_timeout_s": 4,
        "label_studio_url": label_studio.url,
    }
    without = finding_application(
        "without-token", tmp_path / "models", args, variables={"LABEL_STUDIO_API_KEY": ""}
    )
    url = applications.url("without-token")
    with applications.beside(without), chosen(label_studio, url) as given:
        assert given.retrieve().endswith(
            "did not fit into it: retrieve predictions again, or set LABEL_STUDIO_API_KEY to have such tasks "
            "stored"
        )
        assert given.counts()[-given.slow :] == [0] * given.slow
        given.gate.set()
        deadline = time.monotonic() + WAIT_S
        while 0 in given.counts():
            assert time.monotonic() < deadline, given.desk.retrieved()
            given.retrieve()
        given.check()
