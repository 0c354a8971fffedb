"""The command `search` between a Label Studio on loopback and a durable tier in a folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tenacity import wait_none
from typer.testing import CliRunner

from embeddings.durable import DurableTier
from embeddings.options import DurableOptions
from imaging.identity import canonical, image_key
from imaging.options import ImageOptions
from label_studio.ml_backends import Backend
from serve_app.cli import backend_client
from serve_app.cli.main import app
from serve_app.cli.search import found_store
from testing.canary import CANARY
from tests.finders.samples import EAST, NORTH, SQUARES, WEST, found_of
from tests.serve_app.cli.fake_label_studio import LEGACY
from tests.serve_app.cli.precompute.bench import VARIABLES, Bench
from values.image import ImageSource

Json = Any
FINDER = "owlv2_base-e1e130b9"
NORTH_EAST = (0.6, 0.8)


def box(name: str, x: float, y: float, width: float, height: float) -> Json:
    """A rectangle, in percent."""
    return {
        "id": name,
        "type": "rectangle",
        "from_name": "r",
        "to_name": "i",
        "original_width": 640,
        "original_height": 480,
        "value": {"x": x, "y": y, "width": width, "height": height, "rotation": 0},
    }


FIRST = box("first", 10, 10, 20, 20)
SECOND = box("second", 40, 10, 20, 20)
NOWHERE = box("nowhere", 80, 80, 10, 10)


class Desk:
    """The command, a project, and what a detector saw in its images."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.studio, self.at = bench.studio, bench.studio_at
        self.backend, self.backend_at = bench.backend, bench.at
        self.folder = folder
        self.variables = {"FINDER": "owlv2_base", "DURABLE": str(folder)}

    def add(self, vectors: Sequence[Any] | None, *regions: Json, image: str | None = None) -> int:
        """A task; ``vectors``: of what was seen in its image, None where nobody looked."""
        number = self.studio.tasks[-1]["id"] + 1 if self.studio.tasks else 1
        data = {"image": image or f"/data/upload/1/{number}.jpg"}
        drawn = [{"id": number, "result": list(regions)}] if regions else []
        self.studio.tasks.append({"id": number, "data": data, "annotations": drawn})
        if vectors is not None:
            self.see(data["image"], vectors)
        return number

    def see(self, image: str, vectors: Sequence[Any], boxes: Sequence[Any] = SQUARES) -> None:
        found = replace(found_of(vectors, boxes, scale=2), finder=FINDER)
        key = self.key(image)
        tier = DurableTier(DurableOptions(durable=str(self.folder)), FINDER)
        assert asyncio.run(tier.put(key, found.as_embedding()))

    def key(self, image: str) -> str:
        options = ImageOptions(label_studio_url=self.at)
        return image_key(canonical(ImageSource(image, "1"), options))

    def file(self, image: str) -> Path:
        key = self.key(image)
        return self.folder / FINDER / key[:2] / f"{key}.safetensors"

    @property
    def index_files(self) -> list[Path]:
        return sorted(self.folder.glob("*-search*/*/*.safetensors"))

    def run(self, *arguments: str) -> Any:
        options = ["--project", "1", "--label-studio-url", self.at, "--token", LEGACY, *arguments]
        result = CliRunner().invoke(app, ["search", *options], env=dict.fromkeys(VARIABLES))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert CANARY not in result.output
        return result

    def told(self, *arguments: str) -> Json:
        result = self.run("--json", *arguments)
        assert result.stdout, result.stderr
        return json.loads(result.stdout) | {"exit": result.exit_code}

    def find(self, phrases: str) -> list[str]:
        """The arguments that ask for phrases."""
        return ["--find", phrases, "--backend", self.backend_at]

    def tasks(self, *arguments: str) -> list[int]:
        told = self.told(*arguments)
        assert told["ok"], told["stopped"]
        return [hit["task"] for hit in told["hits"]]

    def stopped(self, *arguments: str) -> str:
        told = self.told(*arguments)
        assert (told["ok"], told["exit"]) == (False, 1)
        return str(told["stopped"])


@pytest.fixture
def desk(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("label_studio.tasks.BACK_OFF", wait_none())
    made = Desk(bench, tmp_path / "kept")
    made.backend.finder = FINDER
    made.backend.meanings |= {"cat": EAST, "dog": NORTH, "Traffic light": WEST}
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """Task 1 has the examples; 2 shows the same, 3 something like it, 4 the opposite, 5 nothing."""
    desk.add([EAST, NORTH], FIRST, SECOND, NOWHERE)
    desk.add([WEST, EAST])
    desk.add([NORTH_EAST])
    desk.add([WEST])
    desk.add([])
    return desk


def test_the_task_that_is_most_alike_comes_first(filled: Desk) -> None:
    told = filled.told("--like", "1:first")
    assert [hit["task"] for hit in told["hits"]] == [2, 3, 4]
    assert (told["images"], told["looked_at"], told["closely"], told["finder"]) == (5, 5, 3, FINDER)
    best = told["hits"][0]
    assert best == {
        "task": 2,
        "score": pytest.approx(1 / (1 + 2.718281828**-2), abs=1e-3),
        "x": 40,
        "y": 10,
        "width": 20,
        "height": 20,
        "link": f"{filled.at}/projects/1/data?task=2",
        "phrase": None,
    }
    assert filled.tasks("--like", "1:second")[0] == 3
    assert not filled.studio.changes


def test_several_examples_and_what_is_not_meant(filled: Desk) -> None:
    assert set(filled.tasks("--like", "1:first", "--like", "1:second", "--top", "2")) == {2, 3}
    assert filled.tasks("--like", "1:first", "--not-like", "1:second") == [2]


def test_what_a_person_sees(filled: Desk) -> None:
    filled.add(None)
    result = filled.run("--like", "1:first", "--top", "1")
    assert result.exit_code == 0
    [line] = [line for line in result.stdout.splitlines() if "data?task=" in line]
    assert "0.881" in line
    assert "40.0, 10.0, 20.0, 20.0" in line
    assert "5 of 6 images searched" in result.stdout
    assert (
        "1 images are not looked at yet; `python -m serve_app precompute --project 1 --find`" in result.stdout
    )


def test_an_image_of_several_tasks_is_told_for_each(filled: Desk) -> None:
    filled.add(None, image="/data/upload/1/2.jpg")
    assert filled.tasks("--like", "1:first", "--top", "1") == [2, 6]


def test_a_second_search_asks_only_for_what_is_new(filled: Desk) -> None:
    filled.tasks("--like", "1:first")
    written = {file: file.stat().st_mtime_ns for file in filled.index_files}
    filled.studio.windows.clear()
    assert filled.tasks("--like", "1:first") == [2, 3, 4]
    assert {file: file.stat().st_mtime_ns for file in filled.index_files} == written
    filters = [json.loads(each["query"])["filters"]["items"][0]["value"] for each in filled.studio.windows]
    assert filters == [0, 5, 0]  # the example's task, what is behind the last, how many there are
    filled.add([EAST])
    assert filled.tasks("--like", "1:first") == [2, 6, 3, 4]


def test_it_follows_what_is_kept(filled: Desk) -> None:
    assert filled.tasks("--like", "1:first") == [2, 3, 4]
    filled.file("/data/upload/1/2.jpg").unlink()  # forgotten, or too old
    filled.see("/data/upload/1/4.jpg", [EAST, WEST])  # another picture
    told = filled.told("--like", "1:first")
    assert [hit["task"] for hit in told["hits"]] == [4, 3]
    assert (told["images"], told["looked_at"]) == (5, 4)


def test_what_was_made_again_is_indexed_again(filled: Desk) -> None:
    filled.tasks("--like", "1:first")
    before = {file: file.read_bytes() for file in filled.index_files}
    filled.see("/data/upload/1/4.jpg", [NORTH, NORTH])
    filled.tasks("--like", "1:first")
    assert [file.read_bytes() == before[file] for file in filled.index_files].count(False) == 1


def test_tasks_that_are_gone_are_not_told(filled: Desk) -> None:
    filled.tasks("--like", "1:first")
    del filled.studio.tasks[1]
    filled.add(None)
    assert filled.tasks("--like", "1:first") == [3, 4]


def test_changed_data_are_seen_by_another_config_or_when_asked_to(filled: Desk) -> None:
    filled.tasks("--like", "1:first")
    filled.studio.tasks[3]["data"] = {"image": "/data/upload/1/2.jpg"}
    assert filled.tasks("--like", "1:first", "--rebuild") == [2, 4, 3]
    filled.studio.tasks[3]["data"] = {"other": "/data/upload/1/4.jpg"}
    filled.studio.projects[0]["label_config"] += " "
    assert filled.tasks("--like", "1:first") == [2, 3]


@pytest.mark.parametrize("content", [b"", b"damaged", b"\0" * 5000])
def test_a_damaged_index_is_made_again(filled: Desk, content: bytes) -> None:
    filled.tasks("--like", "1:first")
    assert len(filled.index_files) >= 3
    for file in filled.index_files:
        file.write_bytes(content)
    assert filled.tasks("--like", "1:first") == [2, 3, 4]
    assert all(file.read_bytes() != content for file in filled.index_files)


def test_an_index_of_another_shape_is_made_again(filled: Desk, caplog: pytest.LogCaptureFixture) -> None:
    filled.tasks("--like", "1:first")
    files = filled.index_files
    tier = DurableTier(DurableOptions(durable=str(filled.folder)), files[0].parts[-3])
    other = replace(found_of([EAST]), finder=files[0].parts[-3]).as_embedding()
    for file in files:
        assert asyncio.run(tier.put(file.stem, other))
    assert filled.tasks("--like", "1:first") == [2, 3, 4]
    assert "is not used" in caplog.text


def test_a_projection_of_few_images_is_made_again_of_many(
    filled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found_store, "GROWN", 2)
    filled.tasks("--like", "1:first")
    before = {file.name: file.read_bytes() for file in filled.index_files}
    for _ in range(5):
        filled.add([NORTH_EAST])
    assert len(filled.tasks("--like", "1:first")) == 8
    [changed] = {
        file.name
        for file in filled.index_files
        if file.name in before and file.read_bytes() != before[file.name] and b'"basis"' in before[file.name]
    }
    assert changed


def test_what_the_index_is_wrong_of_is_found_by_a_closer_look(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found_store, "READ_FIRST", 1)
    desk.add([EAST], FIRST)
    seen = {
        # The index has the first of two boxes that lie upon each other.
        desk.add(None): [(0.93, -0.367), (0.995, 0.1)],
        desk.add(None): [(0.95, 0.312)],
        desk.add(None): [(0.9, -0.436), EAST],
        desk.add(None): [(0.5, 0.866)],
    }
    for task, vectors in seen.items():
        desk.see(f"/data/upload/1/{task}.jpg", vectors, [SQUARES[0], SQUARES[0]])
    told = desk.told("--like", "1:first", "--top", "2")
    assert [hit["task"] for hit in told["hits"]] == [4, 2]
    assert told["closely"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--like", "99:first"], "project 1 has no task 99"),
        (["--like", "1:abc"], "task 1 have no region abc; they have first, second, nowhere"),
        (["--like", "2:abc"], "task 2 has no annotated region; draw one there"),
        (["--like", "1:nowhere"], "region nowhere of task 1: the detector sees no object where"),
        (["--like", "1:first", "--not-like", "6:unseen"], "task 6 was not looked at by owlv2_base-e1e130b9"),
    ],
)
def test_what_cannot_be_an_example_is_a_sentence(filled: Desk, arguments: list[str], said: str) -> None:
    filled.add(None, box("unseen", 10, 10, 20, 20))
    assert said in filled.stopped(*arguments)


def test_an_example_that_was_not_looked_at_names_the_remedy(desk: Desk) -> None:
    desk.add(None, FIRST)
    assert "`python -m serve_app precompute --project 1 --find` looks at them" in desk.stopped(
        "--like", "1:first"
    )


def test_a_project_of_one_image_has_nothing_alike(desk: Desk) -> None:
    desk.add([EAST], FIRST)
    result = desk.run("--like", "1:first")
    assert result.exit_code == 0
    assert "1 of 1 images searched" in result.stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FINDER", "none", "FINDER is none"),
        ("FINDER", "owlv2_large", "set MODEL_DIR to that of the backend"),
        ("DURABLE", "", "DURABLE is not set"),
        ("DURABLE", "kept", "neither the absolute path"),
    ],
)
def test_settings_that_leave_nothing_to_search_are_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))
    monkeypatch.setenv(name, value)
    result = desk.run("--like", "1:first")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize("name", ["17", "abc:17", "0:abc", ":", "17:a b"])
def test_an_example_without_task_or_region_is_refused(desk: Desk, name: str) -> None:
    result = desk.run("--like", name)
    assert result.exit_code == 2
    assert "name a task and one of its regions" in " ".join(result.stderr.split())


def test_too_many_examples_are_refused(desk: Desk) -> None:
    result = desk.run(*(word for number in range(65) for word in ("--like", f"1:{number}")))
    assert result.exit_code == 2
    assert "t most 64 examples" in result.stderr


def test_words_find_what_they_name_with_the_score_of_the_finder(filled: Desk) -> None:
    told = filled.told(*filled.find("cat"))
    assert [hit["task"] for hit in told["hits"]] == [1, 2, 3, 4]
    assert (told["phrases"], told["finder"], told["closely"]) == (["cat"], FINDER, 4)
    first, second, *_ = told["hits"]
    assert first["score"] == second["score"] == pytest.approx(1 / (1 + 2.718281828**-2), abs=1e-3)
    assert (second["x"], second["phrase"]) == (40, "cat")
    assert filled.backend.phrases == [("cat",)]
    assert not filled.studio.changes


def test_of_several_phrases_the_best_one_counts_and_is_named(filled: Desk) -> None:
    told = filled.told(*filled.find(" dog;Traffic  light, dog"), "--top", "4")
    named = {hit["task"]: hit["phrase"] for hit in told["hits"]}
    assert named == {1: "dog", 2: "Traffic light", 3: "dog", 4: "Traffic light"}
    assert [hit["task"] for hit in told["hits"]] == [1, 2, 4, 3]
    table = filled.run(*filled.find("dog, [red]Traffic light")).stdout
    assert "[red]Traffic" in table
    assert "phrase" in table
    assert "phrase" not in filled.run(*filled.find("dog")).stdout


def test_words_and_examples_have_the_same_index(filled: Desk) -> None:
    filled.tasks("--like", "1:first")
    written = {file: file.stat().st_mtime_ns for file in filled.index_files}
    filled.tasks(*filled.find("cat"))
    assert {file: file.stat().st_mtime_ns for file in filled.index_files} == written


def test_a_phrase_that_the_detector_cannot_read_ends_it_before_tasks_are_listed(filled: Desk) -> None:
    assert "has too many tokens" in filled.stopped(*filled.find("cat, " + "very " * 15 + "long"))
    assert filled.index_files == []
    assert filled.studio.windows == []


@pytest.mark.parametrize(
    ("phrases", "said"),
    [
        ("", "Nothing says what to find"),
        (" ,;", "Nothing says what to find"),
        ("a" * 201, "has 201 characters, and 200 are the most"),
        (",".join(f"a{number}" for number in range(65)), "65 phrases are asked for at once"),
        (",".join(f"thing {number}" for number in range(10_000)), "is no list of things to find"),
        ("a" * 4_000_000, "is no list of things to find"),
        ("half \udce9", "holds half of a character"),
    ],
)
def test_phrases_that_cannot_be_looked_for_are_refused(desk: Desk, phrases: str, said: str) -> None:
    result = desk.run(*desk.find(phrases))
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert desk.backend.phrases == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give --find, to say in words what to look for, or --like"),
        (["--not-like", "1:first"], "--not-like works only with --like"),
        (["--find", "cat", "--like", "1:first"], "Give --find or --like: scores of words and of examples"),
        (["--find", "cat", "--not-like", "1:first"], "Give --find or --like"),
        (["--find", "cat", "--backend", "nowhere"], "--backend must look like http://host:port"),
        (["--find", "cat", "--basic-auth-user", "user"], "asic auth needs both"),
    ],
)
def test_options_that_do_not_go_together(desk: Desk, arguments: list[str], said: str) -> None:
    result = desk.run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_words_need_the_detector_that_looked_at_the_images(filled: Desk) -> None:
    filled.backend.finder = "owlv2_large-2"
    said = filled.stopped(*filled.find("cat"))
    assert f"reads phrases with owlv2_large-2, and what {FINDER} saw is to be searched" in said
    filled.backend.finder = "none"
    assert "reads no phrases: no detector reads phrases here; set FINDER" in filled.stopped(
        *filled.find("cat")
    )
    filled.backend.finder = FINDER
    filled.backend.meanings["cat"] = (1.0, 0.0, 0.0)
    assert "a phrase is 3 numbers to the backend" in filled.stopped(*filled.find("cat"))


def test_words_need_a_backend_and_its_password(filled: Desk) -> None:
    filled.backend.credentials = "user:pass"
    assert "requires basic auth" in filled.stopped(*filled.find("cat"))
    login = ["--basic-auth-user", "user", "--basic-auth-pass", "pass"]
    assert filled.tasks(*filled.find("cat"), *login) == [1, 2, 3, 4]


def test_a_named_backend_that_does_not_run_is_told_at_once(
    filled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_client, "BACK_OFF", None)  # so that a second attempt would fail
    asked = ["--find", "cat", "--backend", "http://127.0.0.1:1"]
    assert "cannot reach the backend at http://127.0.0.1:1" in filled.stopped(*asked)


def test_where_no_backend_runs_one_is_started_for_the_words_alone(
    filled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, Any]] = []

    @contextmanager
    def started_at(backend: Backend, variables: Any) -> Iterator[None]:
        started.append((backend.url, variables))
        yield
        started.append(("ended before the tasks were listed", filled.studio.windows == []))

    monkeypatch.setattr("serve_app.cli.search.asked.application_at", started_at)
    at = filled.backend_at.removesuffix(filled.backend.prefix)
    filled.backend.prefix = ""
    monkeypatch.setenv("PORT", at.rpartition(":")[2])
    assert filled.tasks("--find", "cat") == [1, 2, 3, 4]
    [(url, variables), ended] = started
    assert url == at
    assert variables == {"LABEL_STUDIO_URL": filled.at, "LABEL_STUDIO_API_KEY": LEGACY}
    assert ended == ("ended before the tasks were listed", True)
