from __future__ import annotations

import json
import threading

import pytest
from typer.testing import CliRunner

from serve_app.cli.main import app
from serve_app.reference import commands_table
from tests.serve_app.cli.fake_label_studio import LEGACY
from tests.serve_app.cli.precompute.bench import CONFIG, VARIABLES, Bench


@pytest.mark.slow
def test_every_task_of_a_project_is_sent_once(bench: Bench) -> None:
    bench.add_tasks(230)
    bench.studio.projects[0] |= {"task_data_login": "reader", "task_data_password": "of images"}
    result = bench.run()
    assert (result.exit_code, len(bench.backend.bodies)) == (0, 230), result.output
    assert sorted(body["tasks"][0]["id"] for body in bench.backend.bodies) == list(range(1, 231))
    first = next(body for body in bench.backend.bodies if body["tasks"][0]["id"] == 1)
    assert first == {
        "tasks": [{"id": 1, "data": {"image": "/data/upload/1.png"}}],
        "project": "1",
        "label_config": CONFIG,
        "params": {"login": "reader", "password": "of images"},
    }
    assert result.stdout.startswith("230 encoded, 0 stored before, 0 failed; 230 tasks in ")
    assert "230 of 230 tasks, 0 failed" in result.stderr


def test_a_detector_looks_at_the_images_where_that_is_asked_for(bench: Bench) -> None:
    bench.add_tasks(1)
    bench.run()
    bench.run("--find")
    assert [target.partition("/embed")[2] for target in bench.backend.targets if "/embed" in target] == [
        "",
        "?find=true",
    ]


def test_running_again_goes_on_where_it_stopped(bench: Bench) -> None:
    bench.add_tasks(12)
    assert bench.told("--limit", "5")["encoded"] == 5
    again = bench.told()
    assert (again["exit"], again["stored"], again["encoded"]) == (0, 5, 7)
    assert bench.told()["encoded"] == 0


def test_failures_are_told_one_by_one_at_the_end(bench: Bench) -> None:
    bench.add_tasks(4)
    bench.backend.broken["/data/upload/3.png"] = (
        "image_missing",
        "cannot read the image of task 3: there is no such file",
    )
    result = bench.run()
    assert result.exit_code == 1
    assert result.stdout.startswith("3 encoded, 0 stored before, 1 failed; 4 tasks")
    line = "project 1, task 3: cannot read the image of task 3: there is no such file (image_missing)"
    assert line in result.stderr.splitlines()
    assert "what is stored is not encoded again" in result.stdout
    bench.backend.broken.clear()
    assert bench.told()["exit"] == 0


def test_json_is_one_object_and_nothing_else(bench: Bench) -> None:
    bench.add_tasks(3)
    bench.backend.broken["/data/upload/2.png"] = ("not_an_image", "a\x1b[2Jb\nc")
    result = bench.run("--json")
    assert (result.exit_code, result.stderr, result.stdout.count("\n")) == (1, "", 1)
    told = json.loads(result.stdout)
    seconds, rate = told.pop("seconds"), told.pop("images_per_second")
    assert rate == pytest.approx(2 / seconds, rel=0.5)
    assert told == {
        "ok": False,
        "interrupted": False,
        "stopped": None,
        "tasks": 3,
        "tasks_without_image": 0,
        "images": 3,
        "encoded": 2,
        "stored": 0,
        "failed": 1,
        "failures": [{"project": 1, "task": 2, "code": "not_an_image", "sentence": "a?[2Jb c"}],
    }


def test_several_at_once_and_no_more(bench: Bench) -> None:
    bench.add_tasks(12)
    together = threading.Barrier(4, timeout=60)  # broken, and the test red, if fewer ever come together
    bench.backend.arrived = lambda body: (together.wait(), None)[1]
    assert bench.told("--at-once", "4")["encoded"] == 12
    assert bench.backend.most == 4


@pytest.mark.slow
def test_a_project_that_grows_meanwhile_is_sent_to_its_end(bench: Bench) -> None:
    bench.add_tasks(150)

    def grow() -> None:
        if len(bench.studio.windows) in (1, 2):
            bench.add_tasks(60)
            del bench.studio.tasks[:10]  # which would move every page

    bench.studio.listing = grow
    told = bench.told()
    assert (told["exit"], told["tasks"]) == (0, 270)
    numbers = [body["tasks"][0]["id"] for body in bench.backend.bodies]
    assert sorted(numbers) == list(range(1, 271))


def test_only_unlabelled_tasks(bench: Bench) -> None:
    bench.add_tasks(4)
    bench.studio.tasks[1]["completed_at"] = "2026-01-01T00:00:00Z"
    assert bench.told("--only-unlabelled")["tasks"] == 3
    assert "/data/upload/2.png" not in bench.backend.values()


def test_several_projects_each_once(bench: Bench) -> None:
    other = bench.studio.add_project("Dogs", CONFIG.replace("$image", "$left"))
    bench.add_tasks(2)
    bench.studio.tasks += [
        {"id": 9, "data": {"left": "/data/upload/1.png", "image": "x"}, "project": other},
        {"id": 10, "data": {"image": "x"}, "project": other},
    ]
    told = bench.told("--project", str(other), "--project", "1")
    assert (told["tasks"], told["encoded"], told["tasks_without_image"]) == (4, 3, 1)
    assert bench.backend.stored == {
        ("1", "/data/upload/1.png"),
        ("1", "/data/upload/2.png"),
        ("2", "/data/upload/1.png"),
    }


def test_the_same_image_in_two_tasks_is_encoded_once(bench: Bench) -> None:
    bench.add_tasks(2)
    bench.studio.tasks[1]["data"] = bench.studio.tasks[0]["data"]
    told = bench.told("--at-once", "1")
    assert (told["encoded"], told["stored"]) == (1, 1)


def test_a_labeling_config_that_shows_no_image_is_hinted_at(bench: Bench) -> None:
    bench.studio.projects[0]["label_config"] = '<View><Text name="t" value="$text"/></View>'
    bench.add_tasks(2)
    result = bench.run()
    assert result.exit_code == 0
    assert "check the labeling config" in result.stdout


def test_an_empty_project_is_done(bench: Bench) -> None:
    result = bench.run()
    assert (result.exit_code, result.stdout[:9]) == (0, "0 encoded")


def test_the_variables_of_connect_are_read(bench: Bench) -> None:
    bench.add_tasks(1)
    variables = dict.fromkeys(VARIABLES) | {
        "LABEL_STUDIO_URL": bench.studio_at,
        "LABEL_STUDIO_API_KEY": LEGACY,
    }
    arguments = ["precompute", "--project", "1", "--backend", bench.at]
    result = CliRunner().invoke(app, arguments, env=variables)
    assert result.exit_code == 0, result.output


def test_it_has_a_section_in_the_docs() -> None:
    assert "## precompute\n" in commands_table()
