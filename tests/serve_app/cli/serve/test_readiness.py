from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from ray import serve

from serve_app.cli.serve.readiness import Watch, reason

TRACEBACK = """Traceback (most recent call last):
  File "deployments/decoder.py", line 57, in __init__
values.errors.ModelError: cannot download a.pt: no connection; try again
"""


def test_our_own_sentence_counts_wherever_it_stands() -> None:
    said = "cannot download a.pt: no connection; try again"
    assert reason(["Failed to update the deployments ['Decoder'].", "", TRACEBACK]) == said
    assert reason([TRACEBACK]) == said


def test_else_the_last_line_of_the_application() -> None:
    assert reason(["Traceback:\n  File x\nKeyError: 'a'\n", "Deployment is fine."]) == "KeyError: 'a'"


def test_nothing_said_points_to_the_log() -> None:
    assert reason([]) == reason(["", " \n"]) == "see the logs"


def test_a_sentence_about_settings_counts_as_well() -> None:
    assert (
        reason(["Traceback\nserve_app.settings.SettingsError: WORKERS: must be 1.\n"])
        == "WORKERS: must be 1."
    )


def test_the_report_names_every_application_and_what_is_not_as_it_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"dashboard": "http://127.0.0.1:8266", "docs": "docs"}
    Watch("http://[::1]:9", ("", "/sam"), places, ["Ray's dashboard: port 8266"], ["NO PASSWORD"])._say()
    said, loud = capsys.readouterr()
    [backend, dashboard, docs, note] = said.splitlines()
    assert backend.startswith("backend    http://[::1]:9 (")
    assert "http://[::1]:9/sam (" in backend
    assert dashboard == "dashboard  http://127.0.0.1:8266"
    assert docs.endswith("docs")
    assert note == "note       Ray's dashboard: port 8266"
    assert loud == "WARNING    NO PASSWORD\n"


def test_an_application_that_cannot_be_served_ends_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, signal: interrupted.append(pid))
    watch = Watch("http://127.0.0.1:9", (), {"logs": "/tmp/ray/logs"})
    watch._give_up(["no model is called 'sam9'"])
    assert watch.failed
    assert interrupted == [os.getpid()]
    assert capsys.readouterr().err.splitlines() == [
        "logs       /tmp/ray/logs",
        "no model is called 'sam9'",
    ]


@pytest.mark.slow
def test_it_is_said_to_be_there_when_all_of_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*states: str) -> SimpleNamespace:
        found = [SimpleNamespace(status=state, message="", deployments={}) for state in states]
        return SimpleNamespace(applications=dict(enumerate(found)))

    before: list[str] = []
    answers = iter([told(), told("DEPLOYING", "RUNNING"), told("RUNNING", "RUNNING")])

    def status() -> SimpleNamespace:
        before.append(capsys.readouterr().out)
        return next(answers)

    monkeypatch.setattr(serve, "status", status)
    Watch("http://127.0.0.1:9", ("",), {}).run()
    assert before == ["", "", ""]
    assert "backend    http://127.0.0.1:9 (" in capsys.readouterr().out
