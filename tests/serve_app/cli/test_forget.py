from __future__ import annotations

import json
from typing import Any

import pytest

from serve_app.cli import backend_client
from serve_app.cli.forget import TASKS_AT_ONCE
from serve_app.reference import commands_table
from tests.serve_app.cli.fake_backend import refusal
from tests.serve_app.cli.precompute.bench import CONFIG, Bench


@pytest.fixture
def filled(bench: Bench) -> Bench:
    """A backend that has the images of 45 tasks of project 1, and one image of project 2."""
    bench.studio.add_project("Dogs", CONFIG.replace("$image", "$left"))
    bench.add_tasks(45)
    bench.studio.tasks.append({"id": 90, "data": {"left": "/data/upload/1.png"}, "project": 2})
    assert bench.told("--project", "2")["encoded"] == 46
    bench.backend.bodies.clear()
    return bench


def told(bench: Bench, *arguments: str) -> Any:
    """The JSON object of a run, with its exit status."""
    result = bench.forget("--json", *arguments)
    return json.loads(result.stdout) | {"exit": result.exit_code}


def test_a_project_is_forgotten_and_no_other(filled: Bench) -> None:
    result = filled.forget("--project", "1")
    assert result.exit_code == 0, result.output
    assert result.stdout == "45 embeddings forgotten, 45 tasks checked\n"
    assert filled.backend.stored == {("2", "/data/upload/1.png")}
    assert [len(body["tasks"]) for body in filled.backend.bodies] == [TASKS_AT_ONCE, TASKS_AT_ONCE, 5]
    again = told(filled, "--project", "1")
    assert again == {"ok": True, "forgotten": 0, "gone_through": 45, "stopped": None, "exit": 0}


def test_tasks_are_forgotten_whatever_their_projects(filled: Bench) -> None:
    assert told(filled, "--task", "3", "--task", "90", "--task", "3")["forgotten"] == 2
    assert len(filled.backend.stored) == 44
    assert ("1", "/data/upload/3.png") not in filled.backend.stored
    assert ("2", "/data/upload/1.png") not in filled.backend.stored


def test_an_image_is_forgotten_without_label_studio(filled: Bench) -> None:
    arguments = ["--project", "1", "--image", "/data/upload/1.png", "--image", "/data/upload/2.png"]
    result = filled.command("forget", *arguments)
    assert (result.exit_code, result.stdout) == (0, "2 embeddings forgotten, 2 images checked\n")
    assert len(filled.backend.stored) == 44
    assert ("2", "/data/upload/1.png") in filled.backend.stored


def test_tasks_with_too_many_images_for_one_request_go_one_by_one(filled: Bench) -> None:
    filled.backend.most_images = 1
    assert told(filled, "--project", "1")["forgotten"] == 45


def test_no_secret_is_sent_along(filled: Bench) -> None:
    filled.studio.projects[0] |= {"task_data_login": "reader", "task_data_password": "of images"}
    filled.forget("--task", "1")
    [body] = filled.backend.bodies
    assert body == {
        "tasks": [{"id": 1, "data": {"image": "/data/upload/1.png"}}],
        "project": "1",
        "label_config": CONFIG,
    }


def test_basic_auth(filled: Bench) -> None:
    filled.backend.credentials = "ann:secret"
    refused = filled.forget("--project", "1")
    assert refused.exit_code == 1
    assert "requires basic auth" in refused.stderr
    auth = ["--basic-auth-user", "ann", "--basic-auth-pass", "secret"]
    assert told(filled, "--project", "1", *auth)["forgotten"] == 45


def test_a_passing_trouble_is_waited_out(filled: Bench) -> None:
    filled.backend.replies += [refusal(503, "not_kept", "an embedding cannot be removed from DURABLE")] * 3
    assert told(filled, "--project", "1")["forgotten"] == 45


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refusal(503, "not_kept", "an embedding cannot be removed from DURABLE"), "removed from DURABLE"),
        (refusal(422, "bad_label_config", "no XML"), "no XML"),
        ((200, b"{}", {}), "does not answer /forget as this application does"),
    ],
)
def test_what_stays_is_said(filled: Bench, reply: Any, said: str) -> None:
    filled.backend.replies += [reply] * (backend_client.ATTEMPTS + 1)
    result = filled.forget("--task", "1")
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout.startswith("0 embeddings forgotten, 0 tasks checked")
    assert "run it again" in result.stdout


def test_an_older_backend_is_told_apart(filled: Bench) -> None:
    filled.backend.forgets = False
    result = filled.forget("--project", "1")
    assert (result.exit_code, "has no /forget" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name what to forget"),
        (["--image", "/data/upload/1.png"], "--image needs --project"),
        (["--project", "1", "--task", "1"], "--task cannot be combined"),
        (["--task", "1", "--image", "x"], "--task cannot be combined"),
        (["--project", "1", "--basic-auth-user", "x"], "Basic auth needs both"),
        (["--project", "1", "--token", ""], "A token is needed"),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_anything_is_sent(
    filled: Bench, arguments: list[str], said: str
) -> None:
    result = filled.forget(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr.splitlines()[-1]
    assert filled.backend.bodies == []


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--task", "777"], "no task 777"), (["--project", "9"], "no project 9")]
)
def test_what_label_studio_does_not_have(filled: Bench, arguments: list[str], said: str) -> None:
    result = filled.forget(*arguments)
    assert (result.exit_code, said in result.stderr) == (1, True)


def test_it_has_a_section_in_the_docs() -> None:
    assert "## forget\n" in commands_table()
