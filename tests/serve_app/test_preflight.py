"""Asking Label Studio before a start. What is refused without asking is in mistakes.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from imaging.options import ImageOptions
from serve_app.preflight import Asked, ask_label_studio, wrong_tracing
from testing.canary import CANARY
from testing.file_server import Exchange, Server
from testing.running_app import free_port

WAIT_S = 20.0

Answers = Callable[[Exchange], None]


def studio(files: int, version: bytes = b'{"release": "1.23.2"}', status: int = 200) -> Answers:
    """One that answers ``files`` to whoever asks for a file."""

    def answer(exchange: Exchange) -> None:
        if exchange.path == "/api/version/":
            exchange.say(status, version)
        else:
            exchange.say(files)

    return answer


def asked(answers: Answers) -> Asked:
    with Server(answers) as server:
        options = ImageOptions(label_studio_url=server.url, label_studio_api_key=SecretStr("legacy"))
        found = ask_label_studio(options, WAIT_S)
    assert found is not None
    return found


def test_none_is_asked_where_none_is_set() -> None:
    assert ask_label_studio(ImageOptions(), WAIT_S) is None


def test_one_that_takes_the_token_is_well() -> None:
    found = asked(studio(404))
    assert found.well
    assert found.sentence.endswith("answers and takes the token (version 1.23.2)")


def test_one_that_refuses_the_token_is_told_from_one_that_is_away() -> None:
    found = asked(studio(401))
    assert (found.refused, found.well) == (True, False)
    assert "Label Studio answered 401 to the legacy token in LABEL_STUDIO_API_KEY" in found.sentence
    nobody = ImageOptions(
        label_studio_url=f"http://127.0.0.1:{free_port()}", label_studio_api_key=SecretStr(CANARY)
    )
    away = ask_label_studio(nobody, WAIT_S)
    assert away is not None
    assert (away.refused, away.well) == (False, False)
    assert away.sentence.startswith("Cannot reach Label Studio at http://127.0.0.1:")
    assert CANARY not in away.sentence


@pytest.mark.parametrize(
    ("version", "status"), [(b"{}", 200), (b"<html>", 200), (b"[]", 200), (b"", 404), (b"", 500)]
)
def test_another_server_that_has_no_such_file_is_not_label_studio(version: bytes, status: int) -> None:
    found = asked(studio(404, version, status))
    assert not found.well
    assert "does not answer as Label Studio does; check LABEL_STUDIO_URL" in found.sentence


@pytest.mark.parametrize(("setup", "well"), [(True, True), (False, False)])
def test_without_a_token_nothing_is_refused(setup: bool, well: bool) -> None:
    with Server(studio(401)) as server:
        options = ImageOptions(label_studio_url=server.url, use_setup_token=setup)
        found = ask_label_studio(options, WAIT_S)
    assert found is not None
    assert (found.refused, found.well) == (False, well)
    assert ("Set LABEL_STUDIO_API_KEY." in found.sentence) == (not setup)


def test_a_collector_of_spans_needs_what_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert wrong_tracing({}) == wrong_tracing(named) == []
    monkeypatch.setattr("serve_app.preflight.EXPORTER", "opentelemetry.no.such.exporter")
    assert wrong_tracing({}) == []
    [said] = wrong_tracing(named)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is set" in said
    assert "pip install -r requirements-tracing.txt" in said
