from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import ray._private.worker as worker

from serve_app.cli.serve.screen import Screen, worth_reading


def lines(*said: str, **who: Any) -> list[str]:
    return list(worth_reading({"lines": said, **who}))


def test_what_is_said_to_people_is_shown_without_its_mark() -> None:
    shown = lines("serve_app: no mask    12:00:00 task 7: why", "noise", actor_name="ServeReplica:a:Journal")
    assert shown == ["no mask    12:00:00 task 7: why"]


def test_of_ray_only_what_an_operator_can_use_is_shown() -> None:
    short = "2 Workers (tasks / actors) killed due to memory pressure (OOM)"
    assert lines("Task ServeController.graceful_shutdown failed.", short, pid="raylet") == [short]
    waits = "WARNING 2026 serve 7 -- Deployment has 1 replicas that have taken more than 30s to be scheduled."
    assert lines("INFO 2026 serve 7 -- Adding 1 replica.", waits, actor_name="ServeController") == [waits]
    assert lines("anything", pid="autoscaler") == []
    assert lines("a traceback", pid=7) == []


def test_a_replica_that_loads_is_heard_where_serve_prints_its_log() -> None:
    loading = "INFO 2026-11-29 21:31:10,291 default_Encoder xy12 -- mobile_sam: 5.0 of 38.8 MiB"
    answered = "INFO 2026-11-29 21:31:10,291 default_Encoder xy12 1f -- CALL encode OK 3.1ms"
    assert lines(loading, answered, actor_name="ServeReplica:default:Encoder") == [
        "mobile_sam: 5.0 of 38.8 MiB"
    ]
    assert lines(loading, actor_name="ServeReplica:default:Ingress") == []


def test_a_terminal_obeys_nothing_of_it() -> None:
    assert lines("serve_app: \x1b[2Jtask", pid=7) == ["?[2Jtask"]


@pytest.fixture
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    logger = logging.getLogger("ray.serve")
    before = list(logger.filters)
    monkeypatch.setattr(worker, "print_to_stdstream", worker.print_to_stdstream)
    yield
    logger.filters[:] = before


def test_ray_calls_what_takes_the_place_of_its_own() -> None:
    """Of this version of Ray: each call is by the module's name, with these arguments."""
    assert list(inspect.signature(worker.print_to_stdstream).parameters) == ["data", "ignore_prefix"]
    calls = inspect.getsource(worker).count("print_to_stdstream") - 1
    assert calls == 2


@pytest.mark.usefixtures("_as_before")
def test_it_is_quiet_from_the_first_signal_on(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.install()
    worker.print_to_stdstream({"lines": ["serve_app: loading"], "pid": 7}, ignore_prefix=False)
    with screen.quiet():
        sys.stdout.write("Running config file\n")
    screen.stop()
    worker.print_to_stdstream({"lines": ["serve_app: late"], "pid": 7}, ignore_prefix=False)
    assert capsys.readouterr() == ("", "loading\n")
    assert not logging.getLogger("ray.serve").filter(
        logging.LogRecord("ray.serve", logging.INFO, "", 1, "Started Serve", (), None)
    )


@pytest.mark.usefixtures("_as_before")
def test_for_who_looks_for_mistakes_all_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    before = worker.print_to_stdstream
    screen = Screen(everything=True)
    screen.install()
    with screen.quiet():
        sys.stdout.write("Running config file\n")
    assert worker.print_to_stdstream is before
    assert capsys.readouterr().out == "Running config file\n"
