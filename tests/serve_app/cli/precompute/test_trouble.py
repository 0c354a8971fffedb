from __future__ import annotations

import json
import socket

import pytest

from serve_app.cli import backend_client, crew
from testing.canary import CANARY
from tests.serve_app.cli.fake_backend import Body, refusal
from tests.serve_app.cli.loopback import serving
from tests.serve_app.cli.precompute.bench import Bench


def test_a_backend_that_keeps_nothing_stops_it_with_its_own_sentence(bench: Bench) -> None:
    bench.add_tasks(400)
    bench.backend.durable = False
    result = bench.run("--at-once", "2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "precompute: embeddings are kept only in memory; set DURABLE\n"
    assert len(bench.backend.bodies) <= 2


def test_failed_images_do_not_prove_that_the_backend_keeps_anything(bench: Bench) -> None:
    """The place of an image is judged before the durable tier is looked for."""
    bench.add_tasks(3)
    failed = [{"task": 1, "state": "failed", "error": "image_forbidden", "detail": "no"}]
    bench.backend.replies.append((200, json.dumps({"results": failed}).encode(), {}))
    bench.backend.durable = False
    told = bench.told("--at-once", "1")
    assert (told["exit"], told["failed"], told["stopped"]) == (
        1,
        1,
        "embeddings are kept only in memory; set DURABLE",
    )


def test_one_bad_task_among_good_ones_fails_alone(bench: Bench) -> None:
    bench.add_tasks(3)
    bench.backend.refusals[2] = refusal(400, "bad_request", "it is nested too deeply")
    told = bench.told("--at-once", "1")
    assert (told["exit"], told["encoded"], told["stopped"]) == (1, 2, None)
    assert told["failures"] == [
        {"project": 1, "task": 2, "code": "bad_request", "sentence": "it is nested too deeply"}
    ]


def test_a_busy_backend_is_asked_again(bench: Bench) -> None:
    bench.add_tasks(1)
    bench.backend.replies += [
        refusal(503, "overloaded", "too much is waiting", Retry_After="0"),
        refusal(504, "deadline_exceeded", "it took too long"),
        (502, b"<html>Bad Gateway</html>", {}),
    ]
    told = bench.told()
    assert (told["exit"], told["encoded"], len(bench.backend.bodies)) == (0, 1, 4)


def test_a_backend_that_stays_busy_fails_the_task_and_not_the_others(bench: Bench) -> None:
    bench.add_tasks(2)
    busy = refusal(503, "overloaded", "too much is waiting")
    bench.backend.replies += [busy] * backend_client.ATTEMPTS
    told = bench.told("--at-once", "1")
    assert (told["exit"], told["encoded"]) == (1, 1)
    assert told["failures"] == [
        {"project": 1, "task": 1, "code": "overloaded", "sentence": "too much is waiting"}
    ]


def test_a_connection_that_breaks_is_made_anew(bench: Bench) -> None:
    bench.add_tasks(2)
    broken = iter([True])

    def hang_up(body: Body) -> None:
        if next(broken, False):
            raise ConnectionError

    bench.backend.arrived = hang_up
    told = bench.told("--at-once", "1")
    assert (told["exit"], told["encoded"], len(bench.backend.bodies)) == (0, 2, 3)


def test_a_backend_that_is_gone_for_good_ends_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "GIVE_UP", 3)
    bench.add_tasks(50)

    def gone(body: Body) -> None:
        if body["tasks"][0]["id"] > 5:
            raise ConnectionError

    bench.backend.arrived = gone
    told = bench.told("--at-once", "1")
    assert (told["exit"], told["encoded"], told["tasks"]) == (1, 5, 8)
    assert told["stopped"].startswith("gave up after 3 tasks in a row without an answer: cannot reach the")
    assert {each["code"] for each in told["failures"]} == {"unreachable"}


@pytest.mark.parametrize("refused", [False, True])
def test_answers_in_between_keep_it_going(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    monkeypatch.setattr(crew, "GIVE_UP", 2)
    bench.add_tasks(9)

    def every_other(body: Body) -> None:
        if body["tasks"][0]["id"] % 2:
            raise ConnectionError

    bench.backend.arrived = every_other
    if refused:
        large = refusal(413, "body_too_large", "it is too large")
        bench.backend.refusals = dict.fromkeys(range(0, 10, 2), large)
    told = bench.told("--at-once", "1")
    assert (told["stopped"], told["tasks"], len(told["failures"])) == (None, 9, 9 if refused else 5)


def test_a_backend_that_does_not_run_is_a_sentence(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    bench.add_tasks(1)
    bench.at = f"http://127.0.0.1:{port}"
    result = bench.run()
    assert (result.exit_code, result.stdout) == (1, "")
    sentence = f"precompute: cannot reach the backend at {bench.at} (ConnectError); is it running, and is"
    assert result.stderr.startswith(sentence)
    assert bench.studio.windows == []


def test_something_else_that_listens_there_is_told(bench: Bench) -> None:
    with serving(lambda method, target, headers, body: (200, b'{"status": "UP"}', {})) as bench.at:
        assert "does not answer as this application does" in bench.run().stderr


def test_a_backend_without_the_route_is_told(bench: Bench) -> None:
    bench.add_tasks(9)
    bench.backend.replies.append(refusal(404, "no_such_route", "POST /embed: Not Found"))
    assert "has no /embed" in bench.told("--at-once", "1")["stopped"]
    assert len(bench.backend.bodies) == 1


def test_a_redirect_is_not_followed_but_told(bench: Bench) -> None:
    elsewhere = {"Location": "https://sam.example/sam/health?token=1"}
    with serving(lambda method, target, headers, body: (301, b"", elsewhere)) as bench.at:
        told = bench.told("--basic-auth-user", "ray", "--basic-auth-pass", CANARY)
    assert "redirects to https://sam.example/sam/health; give --backend" in told["stopped"]


def test_basic_auth(bench: Bench) -> None:
    bench.backend.credentials = f"ray:{CANARY}"
    bench.add_tasks(1)
    assert "requires basic auth" in bench.run().stderr
    assert "requires basic auth" in bench.told("--basic-auth-user=ray", "--basic-auth-pass=no")["stopped"]
    assert bench.backend.bodies == []
    told = bench.told("--basic-auth-user", "ray", "--basic-auth-pass", CANARY)
    assert (told["exit"], told["encoded"]) == (0, 1)


def test_a_project_that_is_not_there(bench: Bench) -> None:
    told = bench.told(project=7)
    assert told["exit"] == 1
    assert told["stopped"] == "Label Studio has no project 7 that this token may see"


def test_a_token_that_is_refused(bench: Bench) -> None:
    told = bench.told("--token", "another")
    assert (told["exit"], "401 to the legacy token" in told["stopped"]) == (1, True)
